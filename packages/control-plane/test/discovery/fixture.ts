import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { issueCertificate, networkIdOf, verifyChain, type Membership } from '@agent-mesh/identity'
import { sealRecord, type RecordDraft } from '../../src/discovery/record.ts'
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface'
import type { NetworkId } from '@agent-mesh/wire'

export interface TestNetwork {
  rootKey: Ed25519PrivateKey
  networkId: NetworkId
}

export interface TestMember {
  key: Ed25519PrivateKey
  peerId: PeerId
  membership: Membership
}

export const createNetwork = async (): Promise<TestNetwork> => {
  const rootKey = await generateKeyPair('Ed25519')
  return { rootKey, networkId: networkIdOf(rootKey.publicKey) }
}

export interface MemberOptions {
  nowMs?: number
  notBeforeMs?: number
  notAfterMs?: number
  mayAdmit?: boolean
  /** Signs instead of the root. */
  delegate?: TestMember
}

export const createMember = async (
  { rootKey }: TestNetwork,
  name: string,
  options: MemberOptions = {}
): Promise<TestMember> => {
  const { nowMs = Date.now(), notBeforeMs = nowMs - 60_000, notAfterMs, mayAdmit = false, delegate } = options
  const key = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(key)
  const request = {
    networkKey: rootKey.publicKey,
    peerId,
    name,
    notBeforeMs,
    mayAdmit,
    ...(notAfterMs === undefined ? {} : { notAfterMs })
  }
  const leaf = await issueCertificate(request, delegate?.key ?? rootKey)
  const chain = delegate === undefined ? [leaf] : [leaf, ...delegate.membership.chain]
  return { key, peerId, membership: await verifyChain(chain, rootKey.publicKey, notBeforeMs) }
}

export const draftOf = (network: TestNetwork, member: TestMember, more: Partial<RecordDraft> = {}): RecordDraft => ({
  networkId: network.networkId,
  peerId: member.peerId,
  sequence: 7,
  issuedMs: 1_700_000_000_000,
  addresses: [multiaddr('/ip4/127.0.0.1/tcp/4001')],
  services: [{ name: 'web', kind: 'http', capabilities: ['language_processing/translation'] }],
  capabilities: ['math'],
  chain: member.membership.chain,
  ...more
})

export const recordOf = async (
  network: TestNetwork,
  member: TestMember,
  more: Partial<RecordDraft> = {}
): Promise<Uint8Array> => sealRecord(draftOf(network, member, more), member.key)

/** Small seeded generator (mulberry32): a failure is replayed with its seed. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
