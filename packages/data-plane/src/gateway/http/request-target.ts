import { limits, MeshError, quote } from '@agent-mesh/wire'

/** Whom a request to the proxy is for. */
export type RequestTarget =
  | { form: 'absolute'; host: string; port: number; authority: string; path: string }
  | { form: 'origin'; path: string }

const shown = 200
const authorityText = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?$/

const standardHint = 'RFC 9112, section 3.2, says how proxies are asked.'

const refuse = (target: string, why: string, hint = standardHint): never => {
  throw new MeshError('USAGE', `The request for ${quote(target, shown)} was refused: ${why}.`, { hint })
}

const parseAuthority = (target: string, text: string): { host: string; port: number | undefined } => {
  if (text.includes('@')) refuse(target, 'it carries a user name')
  const [, bracketed, plain, portText] = authorityText.exec(text) ?? refuse(target, `${quote(text, shown)} is no host`)
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && (port < 1 || port > 65_535)) refuse(target, `${port} is not a port`)
  return { host: bracketed ?? plain ?? '', port }
}

/** `host:port` of a CONNECT. @throws MeshError USAGE */
export const parseConnectTarget = (target: string): { host: string; port: number } => {
  const { host, port } = parseAuthority(target, target)
  return { host, port: port ?? refuse(target, 'CONNECT needs a port') }
}

/**
 * Reads absolute-form and origin-form. The path is passed on letter by letter: what it means is for the service to say.
 * @throws MeshError USAGE, LIMIT_EXCEEDED
 */
export const parseRequestTarget = (method: string, target: string): RequestTarget => {
  if (target.length > limits.proxyTargetBytes) {
    throw new MeshError(
      'LIMIT_EXCEEDED',
      `The request was refused: its target has over ${limits.proxyTargetBytes} bytes.`,
      {
        details: { isTooLong: true }
      }
    )
  }
  if (target.startsWith('/') || target === '*') return { form: 'origin', path: target }
  const [, scheme = '', authority = '', rest = ''] =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(target) ?? refuse(target, 'it is no absolute address')
  if (scheme.toLowerCase() === 'https')
    refuse(target, 'https goes through a proxy by CONNECT', 'Use http://: the mesh encrypts all the way by itself.')
  if (scheme.toLowerCase() !== 'http') refuse(target, `the scheme ${quote(scheme)} is not http`)
  if (rest.includes('#')) refuse(target, 'it has a fragment')
  const { host, port = 80 } = parseAuthority(target, authority)
  const path = rest === '' && method === 'OPTIONS' ? '*' : rest.startsWith('/') ? rest : `/${rest}`
  return { form: 'absolute', host, port, authority, path }
}
