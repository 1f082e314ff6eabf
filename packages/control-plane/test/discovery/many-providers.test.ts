import { Record as StoredRecord } from '@libp2p/kad-dht'
import { multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore'
import { varint } from 'multiformats'
import { toString } from 'uint8arrays/to-string'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { capabilityCid } from '../../src/discovery/provider-keys.ts'
import { recordKeyBytes } from '../../src/discovery/record.ts'
import { collect } from './collect.ts'
import { recordOf } from './fixture.ts'
import { forgetOthers, signal, startNodes, stopNodes, type TestNode } from './node.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopNodes)

const namesOf = async (node: TestNode, path: string): Promise<string[]> => {
  forgetOthers(node)
  const found = await collect(node.discovery.find(path, { signal: signal(20_000) }))
  return found.map((record) => record.membership.name).toSorted((a, b) => a.localeCompare(b))
}

/** Makes a node a holder for an agent, as its announcement and its record would. */
const hold = async (node: TestNode, name: string): Promise<void> => {
  const agent = await network.member(name)
  const value = await recordOf(network, agent, { capabilities: ['shared'], services: [], issuedMs: Date.now() })
  const key = recordKeyBytes(network.networkId, agent.peerId)
  const { datastore, peerStore } = node.host.libp2p.services.raw
  const { membership } = await node.book.verify(value)
  node.host.libp2p.services.admission.learn(membership)
  await peerStore.merge(agent.peerId, { multiaddrs: [multiaddr('/ip4/127.0.0.1/tcp/1')] })
  const cid = toString(capabilityCid(network.networkId, 'shared').multihash.bytes, 'base32')
  await datastore.put(
    new Key(`/dht/provider/${cid}/${agent.peerId.toString()}`),
    varint.encodeTo(Date.now(), new Uint8Array(varint.encodingLength(Date.now())))
  )
  await datastore.put(
    new Key(`/dht/record/${toString(key, 'base32')}`, false),
    new StoredRecord(key, value, new Date()).serialize()
  )
}

describe('a capability that many offer', () => {
  it('is found at more agents than one bucket holds, wherever they are held', async () => {
    const holders = (await startNodes(network, 3)).slice(0, 3)
    const names = Array.from({ length: 75 }, (_, index) => `agent-${10 + index}`)
    for (const [index, holder] of holders.entries()) {
      for (const name of names.slice(25 * index, 25 * (index + 1))) await hold(holder, name)
    }
    for (const holder of holders) expect(await namesOf(holder, 'shared')).toEqual(names)
  })

  it('is found at the living after the end of five, far from any timeout', async () => {
    const nodes = await startNodes(network, 10)
    for (const { discovery, plain } of nodes) await discovery.publish({ ...plain(), capabilities: ['shared'] })
    for (const node of nodes.slice(0, 3)) expect(await namesOf(node, 'shared')).toHaveLength(nodes.length)
    const [dead, living] = [nodes.slice(0, 5), nodes.slice(5)]
    await Promise.all(dead.map(async (node) => node.stop()))
    for (const { host } of living) {
      for (const { member } of dead) await host.libp2p.services.raw.peerStore.delete(member.peerId)
    }
    for (const node of living) {
      const startedMs = performance.now()
      expect(await namesOf(node, 'shared')).toEqual(expect.arrayContaining(living.map(({ member }) => member.name)))
      expect(performance.now() - startedMs).toBeLessThan(limits.lookupTimeoutMs / 2)
    }
  }, 120_000)
})
