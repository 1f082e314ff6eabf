import type { Claim, DetectorEvent } from '@agent-mesh/control-plane/detector'

/** Between two neighbours. */
export type DirectMessage =
  | Extract<DetectorEvent, { is: 'probe' | 'ack' | 'relayed-ack' | 'relayed-nack' | 'probe-for-me' }>
  | { is: 'states'; claims: readonly Claim[]; isAnswer: boolean }
  | { is: 'digests'; digests: readonly DigestMessage[] }
  | { is: 'want-digest'; about: number }

export type DigestMessage = Extract<DetectorEvent, { is: 'digest' }>

/** To everybody. */
export type GossipMessage = { is: 'claim'; author: number; claim: Claim } | { is: 'digest'; digest: DigestMessage }

/** About what they take on the wire: a frame, a peer id, an incarnation, and the author and signature that gossip adds. */
const frameBytes = 12
const claimBytes = 52
const envelopeBytes = 230
const digestBytes = 150
const neighbourBytes = 48

const digestSize = ({ neighbours = [] }: DigestMessage): number => digestBytes + neighbourBytes * neighbours.length

export const directSize = (message: DirectMessage): number => {
  if (message.is === 'digests') return message.digests.reduce((sum, digest) => sum + digestSize(digest), frameBytes)
  if (message.is === 'want-digest') return frameBytes + claimBytes
  return frameBytes + claimBytes * (message.claims.length + (message.is === 'probe-for-me' ? 1 : 0))
}

export const gossipSize = (message: GossipMessage): number =>
  envelopeBytes + (message.is === 'claim' ? claimBytes : digestSize(message.digest))
