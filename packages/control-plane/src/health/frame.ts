import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, HealthFrame, limits, MeshError } from '@agent-mesh/wire'
import type { SignedDocument } from '@agent-mesh/wire'
import { peerIdFromBytes } from '@agent-mesh/identity'
import { fromWire, peerBytes, toWire } from './claim.ts'
import type { Claim } from './detector/interface.ts'

/** A digest as it goes from neighbour to neighbour: with the certificates of its member, the leaf first, or with none. */
export interface ShownDigest {
  envelope: Uint8Array
  chain: Uint8Array[]
}

/** What two neighbours say to each other over their stream. */
export type Frame =
  | { is: 'probe' | 'ack' | 'relayed-ack' | 'relayed-nack'; sequence: number; claims: Claim[] }
  /** Asks the other side to probe a third. */
  | { is: 'probe-for-me'; sequence: number; target: string; claims: Claim[] }
  /** Hash of what the sender holds of all members; an answer to one carries the other side's. */
  | { is: 'compare'; view: Uint8Array; isAnswer: boolean }
  /** What the sender holds of members. An answer to states is not answered. */
  | { is: 'states'; claims: Claim[]; isAnswer: boolean; isLast: boolean }
  | { is: 'digests'; digests: ShownDigest[]; wanted: string[] }

const kinds = [
  'probe',
  'ack',
  'probe-for-me',
  'relayed-ack',
  'relayed-nack',
  'compare',
  'states',
  'digests'
] as const satisfies Array<Frame['is']>

/** Bytes of the hash of a view. */
export const viewBytes = 16
/** Digests that one message asks for. */
export const mostWanted = 128

const nothing = new Uint8Array(0)

const blank: HealthFrame = {
  kind: 0,
  sequence: 0,
  target: nothing,
  claims: [],
  view: nothing,
  digests: [],
  wanted: [],
  isLast: false,
  isAnswer: false
}

const shownOut = ({ envelope, chain }: ShownDigest): SignedDocument => ({
  envelope: withArrayBuffer(envelope),
  chain: chain.map((link) => withArrayBuffer(link))
})

const fieldsOf = (frame: Frame): Partial<HealthFrame> => {
  switch (frame.is) {
    case 'probe-for-me':
      return { sequence: frame.sequence, target: peerBytes(frame.target), claims: frame.claims.map(toWire) }
    case 'compare':
      return { view: withArrayBuffer(frame.view), isAnswer: frame.isAnswer }
    case 'states':
      return { claims: frame.claims.map(toWire), isAnswer: frame.isAnswer, isLast: frame.isLast }
    case 'digests':
      return { digests: frame.digests.map(shownOut), wanted: frame.wanted.map(peerBytes) }
    default:
      return { sequence: frame.sequence, claims: frame.claims.map(toWire) }
  }
}

export const encodeFrame = (frame: Frame): Uint8Array =>
  HealthFrame.encode({ ...blank, ...fieldsOf(frame), kind: kinds.indexOf(frame.is) + 1 })

const refuse: (why: string) => never = (why) => {
  throw new MeshError('HEALTH_INVALID', `A message of a neighbour is refused: ${why}.`)
}

/**
 * @returns undefined for a kind that a newer version speaks
 * @throws MeshError HEALTH_INVALID
 */
export const decodeFrame = (bytes: Uint8Array): Frame | undefined => {
  const message = decodeMessage(HealthFrame, bytes, limits.healthFrameBytes, 'HEALTH_INVALID', 'message of a neighbour')
  const { kind, claims, wanted } = message
  if (kind === 0) refuse('it is of no kind')
  if (claims.length > limits.claimsPerMessage) refuse(`it makes ${claims.length} claims`)
  if (wanted.length > mostWanted) refuse(`it asks for ${wanted.length} digests`)
  const is = kinds[kind - 1]
  return is === undefined ? undefined : frameOf(is, message)
}

const peerIn = (bytes: Uint8Array): string => peerIdFromBytes(bytes, 'HEALTH_INVALID').toString()

const frameOf = (is: Frame['is'], message: HealthFrame): Frame => {
  const { sequence, view, isAnswer, isLast, target, digests } = message
  const claims = message.claims.map(fromWire)
  switch (is) {
    case 'probe-for-me':
      return { is, sequence, target: peerIn(target), claims }
    case 'compare':
      if (view.length !== viewBytes) refuse(`the hash of a view has ${view.length} bytes`)
      return { is, view, isAnswer }
    case 'states':
      return { is, claims, isAnswer, isLast }
    case 'digests':
      return { is, digests, wanted: message.wanted.map(peerIn) }
    default:
      return { is, sequence, claims }
  }
}
