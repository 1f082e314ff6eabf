import { limits, MeshError } from '@agent-mesh/wire'
import { isMeshField } from '../../upstream/http/identity-fields.ts'
import { proxyName } from './proxy-status.ts'

/** Names and values in turn, as they came. */
export type RawHeaders = readonly string[]

/** Header fields that are for one connection alone (RFC 9110, section 7.6.1), and those between a client and its proxy. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings'
])

/** What `Connection` cannot take away: the framing and the address of the message are not the client's to unsay. */
const essential = new Set(['host', 'content-length', 'transfer-encoding', 'via'])

/** What no trailer may say (RFC 9110, section 6.5.1). */
const notInTrailers = new Set([
  'host',
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'trailer',
  'authorization',
  'set-cookie',
  'forwarded',
  'expect',
  'max-forwards',
  'cache-control',
  'via'
])

const pairs = (raw: RawHeaders): Array<[name: string, value: string]> => {
  const all: Array<[string, string]> = []
  for (let i = 0; i + 1 < raw.length; i += 2) all.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return all
}

const none: readonly string[] = []

/** Asked many times of every request: what is not there costs no more than the look. */
const valuesOf = (raw: RawHeaders, wanted: string): readonly string[] => {
  let values: string[] | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    values ??= []
    values.push(raw[i + 1] ?? '')
  }
  return values ?? none
}

const tokensOf = (raw: RawHeaders, wanted: string): readonly string[] => {
  const values = valuesOf(raw, wanted)
  if (values.length === 0) return none
  return values.flatMap((value) =>
    value
      .split(',')
      .map((token) => token.trim().toLowerCase())
      .filter((token) => token !== '')
  )
}

const isForwarded = (name: string, named: ReadonlySet<string>): boolean =>
  !hopByHop.has(name) && (essential.has(name) || !named.has(name))

const badRequest = (why: string): MeshError => new MeshError('USAGE', `The request was refused: ${why}.`)

/**
 * What the parser lets through and a proxy must not: two hosts, two lengths, a length beside chunks, another coding than
 * chunks, a name that programs behind us read as another one.
 * @throws MeshError USAGE
 */
export const checkRequestHead = (raw: RawHeaders, httpVersion: string): void => {
  if (raw.length / 2 > limits.proxyHeaderLines)
    throw badRequest(`it has more than ${limits.proxyHeaderLines} header lines`)
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw badRequest(`HTTP/${httpVersion} is not spoken here`)
  if (httpVersion === '1.1' && valuesOf(raw, 'host').length === 0) throw badRequest('it has no Host')
  if (valuesOf(raw, 'host').length > 1) throw badRequest('it has more than one Host')
  if (!valuesOf(raw, 'host').every((value) => hostText.test(value))) throw badRequest('its Host is none')
  const lengths = valuesOf(raw, 'content-length')
  const codings = valuesOf(raw, 'transfer-encoding')
  if (lengths.length > 1) throw badRequest('it has more than one Content-Length')
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) throw badRequest('its Content-Length is no number')
  if (codings.length > 0) {
    if (lengths.length > 0) throw badRequest('it has a Content-Length beside a Transfer-Encoding')
    if (httpVersion !== '1.1') throw badRequest('its version knows no Transfer-Encoding')
    if (codings.length > 1 || codings[0]?.trim().toLowerCase() !== 'chunked')
      throw badRequest('its Transfer-Encoding is not chunked and nothing else')
  }
  if (tokensOf(raw, 'via').filter((one) => one.endsWith(` ${proxyName}`)).length >= limits.proxyHops)
    throw new MeshError(
      'LIMIT_EXCEEDED',
      `The request passed ${limits.proxyHops} proxies of nodes; it goes in a circle.`,
      {
        details: { isLoop: true }
      }
    )
}

/** `uri-host [":" port]` (RFC 9110, section 7.2), or nothing. */
const hostText = /^(?:(?:\[[0-9a-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d{0,5})?)?$/i

/** What a client of HTTP is not told, since a service said what is none. */
export const badAnswer = (why: string): MeshError =>
  new MeshError('TUNNEL_RESET', `The service answered what is no HTTP: ${why}.`, {
    hint: 'Is it an http service? mesh-node find lists the kinds.',
    details: { parser: 'answer' }
  })

/**
 * A coding that nobody asked for would be taken off here without a word, and its bytes taken for the content.
 * @throws MeshError TUNNEL_RESET
 */
export const checkResponseHead = (raw: RawHeaders): void => {
  const codings = valuesOf(raw, 'transfer-encoding')
  if (codings.length > 1 || (codings[0] ?? 'chunked').trim().toLowerCase() !== 'chunked')
    throw badAnswer('its Transfer-Encoding is not chunked and nothing else')
}

/** Whether a body follows the head. */
export const hasBody = (raw: RawHeaders): boolean =>
  valuesOf(raw, 'transfer-encoding').length > 0 || valuesOf(raw, 'content-length').some((value) => Number(value) > 0)

/** The protocol that the client wants to change to; h2c is none, it would hide requests from whoever reads them. */
export const upgradeOf = (raw: RawHeaders): string | undefined => {
  const protocols = tokensOf(raw, 'upgrade')
  const isAsked = tokensOf(raw, 'connection').includes('upgrade')
  return isAsked && protocols.length > 0 && !protocols.includes('h2c') ? valuesOf(raw, 'upgrade').join(', ') : undefined
}

/** A head that announces trailers must be followed by chunks. */
const isForChunksAlone = (name: string, isChunked: boolean): boolean => name === 'trailer' && !isChunked

export interface RequestHeadInit {
  method: string
  authority: string
  httpVersion: string
  upgrade?: string | undefined
}

/** The head as it goes on: names, order, case and repetitions as they came. */
export const forwardRequestHead = (
  raw: RawHeaders,
  { method, authority, httpVersion, upgrade }: RequestHeadInit
): string[] => {
  const named = new Set(tokensOf(raw, 'connection'))
  const isChunked = valuesOf(raw, 'transfer-encoding').length > 0
  const kept: string[] = ['Host', authority]
  for (const [name, value] of pairs(raw)) {
    const lower = name.toLowerCase()
    if (lower === 'host' || lower === 'max-forwards' || isMeshField(lower)) continue
    if (!isForwarded(lower, named) || isForChunksAlone(lower, isChunked)) continue
    kept.push(name, value)
  }
  const [forwards] = valuesOf(raw, 'max-forwards')
  if (forwards !== undefined)
    kept.push('Max-Forwards', isLimitedHop(method) && isCount(forwards) ? String(Number(forwards) - 1) : forwards)
  kept.push('Via', `${httpVersion} ${proxyName}`)
  const takesTrailers = tokensOf(raw, 'te').includes('trailers')
  if (takesTrailers) kept.push('TE', 'trailers')
  if (upgrade !== undefined) kept.push('Upgrade', upgrade)
  const connection = [...(upgrade === undefined ? ['keep-alive'] : ['Upgrade']), ...(takesTrailers ? ['TE'] : [])]
  kept.push('Connection', connection.join(', '))
  if (isChunked) kept.push('Transfer-Encoding', 'chunked')
  else if (valuesOf(raw, 'content-length').length === 0 && !isBodiless(method)) kept.push('Content-Length', '0')
  return kept
}

const isBodiless = (method: string): boolean => ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'].includes(method)
const isCount = (text: string): boolean => /^\d{1,9}$/.test(text)
const isLimitedHop = (method: string): boolean => method === 'OPTIONS' || method === 'TRACE'

/** The request ends here: it may go no further. */
export const isLastHop = (method: string, raw: RawHeaders): boolean =>
  isLimitedHop(method) && valuesOf(raw, 'max-forwards').some((value) => isCount(value) && Number(value) === 0)

export interface ResponseHeadInit {
  httpVersion: string
  servedBy: string | undefined
  /** The body goes out in chunks. */
  isChunked: boolean
  /** Its status has no content, and no length of it (RFC 9110, section 8.6). */
  hasNoLength?: boolean
  upgrade?: boolean
}

/** Fields of a response as they go back: nothing that is for one connection, and nothing that only nodes say. */
const responseFields = (raw: RawHeaders, isLeftOut: (lower: string) => boolean): string[] => {
  const named = new Set(tokensOf(raw, 'connection'))
  const kept: string[] = []
  for (const [name, value] of pairs(raw)) {
    const lower = name.toLowerCase()
    if (!isMeshField(lower) && isForwarded(lower, named) && !isLeftOut(lower)) kept.push(name, value)
  }
  return kept
}

/** The head of an informational response as it goes back. */
export const forwardInterimHead = (raw: RawHeaders): string[] =>
  responseFields(raw, (lower) => lower === 'content-length' || lower === 'trailer')

/** The head of a response as it goes back; `Mesh-Served-By` is ours to say. */
export const forwardResponseHead = (
  raw: RawHeaders,
  { httpVersion, servedBy, isChunked, hasNoLength = false, upgrade }: ResponseHeadInit
): string[] => {
  const kept = responseFields(
    raw,
    (lower) => isForChunksAlone(lower, isChunked) || (hasNoLength && lower === 'content-length')
  )
  kept.push('Via', `${httpVersion} ${proxyName}`)
  if (servedBy !== undefined) kept.push('Mesh-Served-By', servedBy)
  if (upgrade === true) kept.push('Upgrade', valuesOf(raw, 'upgrade').join(', '), 'Connection', 'Upgrade')
  return kept
}

/** Trailers as pairs, without what a trailer may not say. */
export const forwardTrailers = (raw: RawHeaders): Array<[string, string]> =>
  pairs(raw).filter(([name]) => {
    const lower = name.toLowerCase()
    return !hopByHop.has(lower) && !notInTrailers.has(lower) && !isMeshField(lower)
  })
