import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { sealDigest, type SignedDigest } from '../../src/health/digest.ts'
import type { Digest } from '../../src/health/interface.ts'

export const networkId = 'abcdefghijklmnopqrstuvwxyz'

export interface Person {
  key: PrivateKey
  peerId: PeerId
  id: string
}

export const person = async (): Promise<Person> => {
  const key = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(key)
  return { key, peerId, id: peerId.toString() }
}

export const digestOf = (id: string, more: Partial<Digest> = {}): Digest => ({
  peerId: id,
  incarnation: 1_000,
  sequence: 1,
  timeMs: 1_000,
  load: { eventLoopLagMs: 3, tunnels: 2 },
  services: [],
  neighbours: [],
  ...more
})

export const signed = async (
  { id, key }: Person,
  more: Partial<Digest> = {},
  { isLeaving = false, network = networkId }: { isLeaving?: boolean; network?: string } = {}
): Promise<SignedDigest> => sealDigest(digestOf(id, more), isLeaving, { key, networkId: network })
