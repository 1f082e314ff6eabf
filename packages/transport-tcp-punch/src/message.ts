import { lpStream } from '@libp2p/utils'
import {
  decodeMessage,
  fromWireCode,
  limits,
  MeshError,
  PunchAnswer,
  PunchRequest,
  PunchStart,
  quote,
  toWireCode
} from '@agent-mesh/wire'
import type { Stream } from '@libp2p/interface'
import type { Mapping, Seen } from './plan.ts'

/** What each side tells the other one. */
export interface Offer extends Seen {
  token: Uint8Array<ArrayBuffer>
}

export interface Answer extends Offer {
  tookMs: number
}

export const tokenBytes = 16
const reasonLength = 200

const mappings: readonly Mapping[] = ['unknown', 'same', 'per-destination']

const decode = <T>(codec: Parameters<typeof decodeMessage<T>>[0], bytes: Uint8Array): T =>
  decodeMessage(codec, bytes, limits.punchMessageBytes, 'PUNCH_FAILED', 'message of a punch')

const offerOf = ({ host, port, mapping, token }: PunchRequest | PunchAnswer): Offer => {
  if (token.length !== tokenBytes)
    throw new MeshError('PUNCH_FAILED', `A punch came with a token of ${token.length} bytes.`)
  return { at: { host, port }, mapping: mappings[mapping] ?? 'unknown', token: Uint8Array.from(token) }
}

const fieldsOf = ({ at, mapping, token }: Offer) => ({ ...at, mapping: mappings.indexOf(mapping), token })

export const encodeRequest = (offer: Offer): Uint8Array => PunchRequest.encode(fieldsOf(offer))

/** @throws MeshError PUNCH_FAILED */
export const decodeRequest = (bytes: Uint8Array): Offer => offerOf(decode(PunchRequest, bytes))

export const encodeAnswer = ({ tookMs, ...offer }: Answer): Uint8Array =>
  PunchAnswer.encode({ code: 0, reason: '', isCrossing: false, ...fieldsOf(offer), tookMs: Math.round(tookMs) })

export const encodeRefusal = ({ code, message }: MeshError, isCrossing = false): Uint8Array =>
  PunchAnswer.encode({
    code: toWireCode(code),
    reason: message.slice(0, reasonLength),
    isCrossing,
    host: '',
    port: 0,
    mapping: 0,
    token: new Uint8Array(),
    tookMs: 0
  })

/**
 * @returns `crossing` where the other side punches this one at the same time and its request stands
 * @throws MeshError PUNCH_FAILED, or the code of the refusal
 */
export const decodeAnswer = (bytes: Uint8Array): Answer | 'crossing' => {
  const answer = decode(PunchAnswer, bytes)
  if (answer.isCrossing) return 'crossing'
  if (answer.code !== 0)
    throw new MeshError(
      fromWireCode(answer.code),
      `The other side refused a punch: ${quote(answer.reason, reasonLength)}.`
    )
  return { ...offerOf(answer), tookMs: answer.tookMs }
}

export const encodeStart = (rttMs: number): Uint8Array => PunchStart.encode({ rttMs: Math.round(rttMs) })

/** @throws MeshError PUNCH_FAILED */
export const checkStart = (bytes: Uint8Array): void => void decode(PunchStart, bytes)

/** Messages on the stream of one punch. */
export const messagesOf = (stream: Stream) => {
  const messages = lpStream(stream, {
    maxDataLength: limits.punchMessageBytes,
    maxBufferSize: 4 * limits.punchMessageBytes
  })
  return {
    read: async (signal: AbortSignal): Promise<Uint8Array> => (await messages.read({ signal })).subarray(),
    write: async (message: Uint8Array, signal: AbortSignal): Promise<void> => messages.write(message, { signal })
  }
}
