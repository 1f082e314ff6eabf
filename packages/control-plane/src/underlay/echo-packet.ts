import { createHmac, timingSafeEqual } from 'node:crypto'
import { limits } from '@agent-mesh/wire'
import type { Arrivals } from './sequence-tally.ts'

/** `open` only makes the way for the requests of the other side; `sized` and its answer look for the largest packet. */
export type EchoKind = 'request' | 'answer' | 'open' | 'sized' | 'sized-answer'

/** One datagram of an echo session between two members. */
export interface EchoPacket {
  kind: EchoKind
  /** Which session of the receiver it belongs to: chosen by whoever opened it. */
  session: Uint8Array
  /** Counts up in each direction. */
  sequence: number
  /** Of an answer: the request that it answers. */
  echoed: number
  /** Of what the sender has received in this session. */
  arrivals: Arrivals
}

/** Above everything that STUN, DTLS, TURN and RTP begin with (RFC 7983), so that they may share a port. */
const firstByte = 0xe0
const kinds: readonly EchoKind[] = ['request', 'answer', 'open', 'sized', 'sized-answer']
const at = { size: 2, session: 4, sequence: 12, echoed: 16, settled: 20, lost: 24, runs: 28, code: 32 } as const
const codeBytes = 12

/** Bytes of the id of a session. */
export const echoSessionBytes = at.sequence - at.session

/** Whether a datagram may be one of these; the rest of it is not looked at. */
export const isEcho = (bytes: Uint8Array): boolean =>
  bytes.length >= limits.echoBytes && (bytes[0] ?? 0) - firstByte < kinds.length && (bytes[0] ?? 0) >= firstByte

/** Of a datagram that {@link isEcho}: whose key is to be tried. */
export const sessionOf = (bytes: Uint8Array): Uint8Array => bytes.subarray(at.session, at.sequence)

const codeOf = (bytes: Uint8Array, key: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(bytes.subarray(0, at.code)).digest().subarray(0, codeBytes)

/**
 * @param key - 32 bytes that the two members alone know
 * @param sizeBytes - of the datagram; what is beyond the fields is zeros that nobody reads
 */
export const encodeEcho = (packet: EchoPacket, key: Uint8Array, sizeBytes: number = limits.echoBytes): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes)
  const view = new DataView(bytes.buffer)
  bytes[0] = firstByte + kinds.indexOf(packet.kind)
  view.setUint16(at.size, sizeBytes)
  bytes.set(packet.session, at.session)
  view.setUint32(at.sequence, packet.sequence)
  view.setUint32(at.echoed, packet.echoed)
  view.setUint32(at.settled, packet.arrivals.settled)
  view.setUint32(at.lost, packet.arrivals.lost)
  view.setUint32(at.runs, packet.arrivals.runs)
  bytes.set(codeOf(bytes, key), at.code)
  return bytes
}

/** @returns undefined for what is none, was cut or prolonged, or was made without the key */
export const readEcho = (bytes: Uint8Array, key: Uint8Array): EchoPacket | undefined => {
  if (!isEcho(bytes)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const kind = kinds[(bytes[0] ?? 0) - firstByte]
  if (kind === undefined || view.getUint16(at.size) !== bytes.length) return undefined
  if (!timingSafeEqual(bytes.subarray(at.code, at.code + codeBytes), codeOf(bytes, key))) return undefined
  return {
    kind,
    session: bytes.slice(at.session, at.sequence),
    sequence: view.getUint32(at.sequence),
    echoed: view.getUint32(at.echoed),
    arrivals: { settled: view.getUint32(at.settled), lost: view.getUint32(at.lost), runs: view.getUint32(at.runs) }
  }
}
