import { isIP, isIPv6, type ListenOptions } from 'node:net'
import { MeshError } from '@agent-mesh/wire'
import { formatHostPort } from '../upstream/socket-address.ts'

/** Where a forward listens. */
export type ListenAddress = { type: 'tcp'; host: string; port: number } | { type: 'unix'; path: string }

const longestShown = 200
/** Linux takes 107 bytes, macOS 103. */
const longestSocketPath = 103

const fail = (text: string, why: string): never => {
  throw new MeshError('ADDRESS_INVALID', `"${text.slice(0, longestShown)}" is not a local address: ${why}.`)
}

/**
 * Parses `127.0.0.1:8080`, `[::1]:8080`, `localhost:0` or `unix:/path`. The host is always written out, so that nothing
 * but an explicit address opens a door to the network; port 0 lets the system choose.
 * @throws MeshError ADDRESS_INVALID
 */
export const parseListenAddress = (text: string): ListenAddress => {
  if (text.startsWith('unix:')) return parseSocketPath(text)
  const [, bracketed, plain = '', portText] =
    /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? fail(text, 'it is not host:port or unix:/path')
  const host = bracketed ?? (plain === 'localhost' ? '127.0.0.1' : plain)
  if (bracketed === undefined ? isIP(host) !== 4 : !isIPv6(host))
    fail(text, `"${host}" is not an IP address of this machine`)
  const port = Number(portText)
  if (port > 65_535) fail(text, `${port} is not a port`)
  return { type: 'tcp', host, port }
}

const parseSocketPath = (text: string): ListenAddress => {
  const path = text.slice('unix:'.length).replace(/^\/{2,}/, '/')
  if (!path.startsWith('/')) fail(text, 'the path of a unix socket has to be absolute')
  if (Buffer.byteLength(path) > longestSocketPath)
    fail(text, `the path of a unix socket has at most ${longestSocketPath} bytes`)
  if (path.includes('\0')) fail(text, 'the path has a NUL character')
  return { type: 'unix', path }
}

/** The text that {@link parseListenAddress} reads back. */
export const formatListenAddress = (address: ListenAddress): string =>
  address.type === 'unix' ? `unix:${address.path}` : formatHostPort(address.host, address.port)

export const toListenOptions = (address: ListenAddress): ListenOptions =>
  address.type === 'unix' ? { path: address.path } : { host: address.host, port: address.port, exclusive: true }
