import { multiaddr } from '@multiformats/multiaddr'
import { sealRecord, type RecordDraft } from '../../src/discovery/record.ts'
import type { TestMember, TestNetwork } from '@agent-mesh/testkit'

export const draftOf = (network: TestNetwork, member: TestMember, more: Partial<RecordDraft> = {}): RecordDraft => ({
  networkId: network.networkId,
  peerId: member.peerId,
  sequence: 7,
  issuedMs: 1_700_000_000_000,
  addresses: [multiaddr('/ip4/127.0.0.1/tcp/4001')],
  services: [{ name: 'web', kind: 'http', capabilities: ['language_processing/translation'] }],
  capabilities: ['math'],
  chain: member.chain,
  ...more
})

/** A record as its author would publish it. */
export const recordOf = async (
  network: TestNetwork,
  member: TestMember,
  more: Partial<RecordDraft> = {}
): Promise<Uint8Array> => sealRecord(draftOf(network, member, more), member.privateKey)
