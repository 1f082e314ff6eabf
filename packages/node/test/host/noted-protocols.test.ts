import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import { noteProtocolsOnce } from '../../src/host/noted-protocols.ts'
import type { PeerId, PeerStore } from '@libp2p/interface'

const hosts: Libp2p[] = []
afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.stop()))
})

const start = async (): Promise<{ store: PeerStore; merges: () => number; clock: { ms: number }; peer: PeerId }> => {
  const host = await createLibp2p({ start: false })
  hosts.push(host)
  const store = host.peerStore
  const merge = store.merge.bind(store)
  const seen = { merges: 0 }
  store.merge = async (...args) => {
    seen.merges += 1
    return merge(...args)
  }
  const clock = { ms: 1_000_000 }
  noteProtocolsOnce(store, () => clock.ms)
  const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  return { store, merges: () => seen.merges, clock, peer }
}

it('a protocol is noted once a minute, and each protocol by itself', async () => {
  const { store, merges, clock, peer } = await start()
  for (let at = 0; at < 5; at++) await store.merge(peer, { protocols: ['/a'] })
  expect(merges()).toBe(1)
  const both = await store.merge(peer, { protocols: ['/b'] })
  expect([merges(), both.protocols.toSorted()]).toEqual([2, ['/a', '/b']])
  await store.merge(peer, { protocols: ['/a', '/b'] })
  expect(merges()).toBe(2)
  clock.ms += 60_001
  await store.merge(peer, { protocols: ['/a'] })
  expect(merges()).toBe(3)
})

it.each([
  ['patched', async (store: PeerStore, peer: PeerId) => store.patch(peer, { protocols: ['/other'] })],
  ['saved', async (store: PeerStore, peer: PeerId) => store.save(peer, { protocols: ['/other'] })],
  ['deleted', async (store: PeerStore, peer: PeerId) => store.delete(peer)],
  ['merged with more', async (store: PeerStore, peer: PeerId) => store.merge(peer, { tags: { x: { value: 1 } } })]
])('what is %s since is noted anew', async (_, change) => {
  const { store, peer } = await start()
  await store.merge(peer, { protocols: ['/a'] })
  await change(store, peer)
  await store.merge(peer, { protocols: ['/a'] })
  expect((await store.get(peer)).protocols).toContain('/a')
})
