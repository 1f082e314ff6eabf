import type { MeshMember } from '@agent-mesh/testkit'

/** What gossip at one member thinks of another: below zero where it misbehaves, below -80 where nothing of it is read. */
export const gossipScore = ({ host }: MeshMember, peerId: string): number => {
  const { pubsub } = host().services
  // a method of the class that its interface does not tell of
  const ask: unknown = Reflect.get(pubsub, 'getScore')
  if (typeof ask !== 'function') throw new TypeError('gossipsub has no scores any longer')
  const score: unknown = Reflect.apply(ask, pubsub, [peerId])
  if (typeof score !== 'number') throw new TypeError('a score is a number')
  return score
}
