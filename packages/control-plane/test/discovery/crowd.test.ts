import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { collect } from './collect.ts'
import { connectAll, signal, startNode, stopNodes, type TestNode } from './node.ts'

/** More than one bucket of the DHT holds. */
const count = 22
const nodes: TestNode[] = []

beforeAll(async () => {
  const network = await createTestNetwork()
  for (let index = 0; index < count; index++) nodes.push(await startNode(network, `agent-${index}`))
  await connectAll(nodes)
  for (let first = 0; first < count; first += 3) {
    const some = nodes.slice(first, first + 3).map(async ({ discovery, plain }, index) => {
      const report = await discovery.publish({
        ...plain(),
        capabilities: [first + index === 9 ? 'shared/chess' : 'shared']
      })
      expect(report.storedBy).toBeGreaterThanOrEqual(19)
    })
    await Promise.all(some)
  }
}, 120_000)
afterAll(stopNodes)

const namesOf = async ({ discovery }: TestNode, path: string): Promise<string[]> => {
  const found = await collect(discovery.find(path, { signal: signal(20_000) }))
  return found.map((record) => record.membership.name).toSorted()
}

const namesFrom = (first: number): string[] => nodes.slice(first).map(({ member }) => member.name)

describe('in a mesh of twenty-two', () => {
  it('every member finds what one of them offers', async () => {
    for (const node of nodes) expect(await namesOf(node, 'shared/chess')).toEqual(['agent-9'])
  })

  it('what all offer is found at all of them, though one bucket holds fewer', async () => {
    for (const node of nodes.slice(0, 3)) expect(await namesOf(node, 'shared')).toEqual(namesFrom(0).toSorted())
  })

  it('the living providers are found after the end of five, far from any timeout', async () => {
    const dead = nodes.slice(0, 5)
    await Promise.all(dead.map(async (node) => node.stop()))
    for (const { host } of nodes.slice(5)) {
      for (const { member } of dead) await host.libp2p.services.raw.peerStore.delete(member.peerId)
    }
    for (const node of nodes.slice(5, 9)) {
      const startedMs = performance.now()
      expect(await namesOf(node, 'shared')).toEqual(expect.arrayContaining(namesFrom(5)))
      expect(performance.now() - startedMs).toBeLessThan(limits.lookupTimeoutMs / 2)
    }
  })
})
