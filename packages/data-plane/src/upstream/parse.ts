import { isIP, isIPv6 } from 'node:net'
import { MeshError, parseCapability, parseName } from '@agent-mesh/wire'
import type { Service, ServiceKind, UpstreamAddress } from '../interfaces.ts'
import { joinWords, splitWords } from './stdio/words.ts'
import { formatHostPort } from './socket-address.ts'

const kinds: readonly ServiceKind[] = ['http', 'grpc', 'tcp', 'ssh', 'stdio']
const defaultPorts: Partial<Record<ServiceKind, number>> = { http: 80, ssh: 22 }
const longestShown = 200
const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i

/** What a service is and where it lives, without its name. */
export interface Upstream {
  kind: ServiceKind
  address: UpstreamAddress
}

const fail = (text: string, why: string): never => {
  throw new MeshError('SERVICE_INVALID', `"${text.slice(0, longestShown)}" is not a service: ${why}.`)
}

/**
 * Parses `<name>=<address>`, e.g. `web=http://127.0.0.1:8000`.
 * @throws MeshError SERVICE_INVALID, NAME_INVALID, CAPABILITY_INVALID
 */
export const parseService = (text: string, capabilities: readonly string[] = []): Service => {
  const equals = text.indexOf('=')
  if (equals === -1) fail(text, 'it lacks "<name>="')
  return makeService(text.slice(0, equals), text.slice(equals + 1), capabilities)
}

/**
 * A service from its parts, each checked.
 * @throws MeshError SERVICE_INVALID, NAME_INVALID, CAPABILITY_INVALID
 */
export const makeService = (name: string, address: string, capabilities: readonly string[] = []): Service => ({
  name: parseName(name, 'service'),
  ...parseUpstream(address),
  capabilities: capabilities.map(parseCapability)
})

/**
 * Parses where a service lives: `http://`, `grpc://`, `tcp://` and `ssh://` with host and port, `unix:/path` for plain
 * bytes over a unix socket, `http+unix:/path` and the like for the other kinds. `http` and `ssh` have a default port.
 * `stdio:<program> <arguments>` is started for each tunnel, without a shell.
 * @throws MeshError SERVICE_INVALID
 */
export const parseUpstream = (text: string): Upstream => {
  const [, scheme = '', rest = ''] =
    /^([a-z+]+):(.*)$/s.exec(text) ?? fail(text, 'it has no scheme such as http:// or tcp://')
  if (scheme === 'stdio') return { kind: 'stdio', address: { type: 'stdio', command: parseCommand(text, rest) } }
  if (scheme === 'unix') return { kind: 'tcp', address: parseSocketPath(text, rest) }
  const [kindText, isUnix] = scheme.endsWith('+unix') ? [scheme.slice(0, -'+unix'.length), true] : [scheme, false]
  const kind = kinds.find((one) => one === kindText) ?? fail(text, `"${scheme}" is none of ${kinds.join(', ')}, unix`)
  if (isUnix) return { kind, address: parseSocketPath(text, rest) }
  if (!rest.startsWith('//')) fail(text, `"//" is missing after ${scheme}:`)
  return { kind, address: parseHostPort(text, rest.slice(2), defaultPorts[kind]) }
}

const parseCommand = (text: string, rest: string): string[] => {
  const words = splitWords(rest) ?? fail(text, 'a quote is not closed')
  if (words.length === 0 || words[0] === '') fail(text, 'after stdio: comes a program and its arguments')
  if (rest.includes('\0')) fail(text, 'the command has a NUL character')
  return words
}

const parseSocketPath = (text: string, rest: string): UpstreamAddress => {
  const path = rest.replace(/^\/{2,}/, '/')
  if (!path.startsWith('/')) fail(text, 'the path of a unix socket has to be absolute')
  if (path.includes('\0')) fail(text, 'the path has a NUL character')
  return { type: 'unix', path }
}

const parseHostPort = (text: string, rest: string, defaultPort: number | undefined): UpstreamAddress => {
  const [, bracketed, plain, portText] =
    /^(?:\[([^\]]*)\]|([^:/?#@[\]]*))(?::(\d{1,5}))?\/?$/.exec(rest) ??
    fail(text, 'after the scheme come a host and a port, and nothing else')
  const host = bracketed ?? plain ?? ''
  if (bracketed !== undefined ? !isIPv6(host) : isIP(host) !== 4 && !hostName.test(host))
    fail(text, `"${host}" is not a host`)
  const port = portText === undefined ? defaultPort : Number(portText)
  if (port === undefined) return fail(text, 'the port is missing')
  if (port < 1 || port > 65_535) fail(text, `${port} is not a port`)
  return { type: 'tcp', host, port }
}

/** `host:port` or `unix:/path`, for messages. */
export const formatAddress = (address: UpstreamAddress): string => {
  if (address.type === 'stdio') return joinWords(address.command)
  return address.type === 'unix' ? `unix:${address.path}` : formatHostPort(address.host, address.port)
}

/** The text that {@link parseUpstream} reads back. */
export const formatUpstream = ({ kind, address }: Upstream): string => {
  if (address.type === 'stdio') return `stdio:${formatAddress(address)}`
  if (address.type === 'tcp') return `${kind}://${formatAddress(address)}`
  return kind === 'tcp' ? formatAddress(address) : `${kind}+${formatAddress(address)}`
}

/** The text that {@link parseService} reads back; capabilities are not part of it. */
export const formatService = (service: Service): string => `${service.name}=${formatUpstream(service)}`
