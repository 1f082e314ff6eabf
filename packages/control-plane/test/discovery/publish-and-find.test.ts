import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { collect, connect, connectAll, startNode, stopNodes, until } from './node.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopNodes)

const signal = (): AbortSignal => AbortSignal.timeout(10_000)

it('a published agent is found by its capability, by each ancestor, by name and by peer id', async () => {
  const nodes = await Promise.all(['alice', 'bob', 'carol', 'dave'].map(async (name) => startNode(network, name)))
  const [alice, bob] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
  await connectAll(nodes)
  const services = [{ name: 'web', kind: 'http', capabilities: ['language/text/translation'] }]
  const started = performance.now()
  const report = await alice.discovery.publish({ ...alice.plain(), services, capabilities: ['math'] })
  console.log('publish ms', performance.now() - started, report)
  expect(report).toMatchObject({ storedBy: 3, keys: 5 })
  expect(report.untilMs).toBeGreaterThan(Date.now() + limits.recordTtlMs - 10_000)
  for (const path of ['language/text/translation', 'language/text', 'language', 'math']) {
    const t = performance.now()
    const found = await collect(bob.discovery.find(path, { signal: signal() }))
    console.log(path, performance.now() - t)
    expect(found.map((record) => record.membership.name)).toEqual(['alice'])
  }
  const t = performance.now()
  expect(
    (await bob.discovery.findName('alice', { signal: signal() })).map((record) => record.peerId.toString())
  ).toEqual([alice.member.peerId.toString()])
  console.log('name', performance.now() - t)
  expect((await bob.discovery.record(alice.member.peerId, { signal: signal() }))?.services).toEqual(services)
  expect(await collect(bob.discovery.find('language/speech', { signal: signal() }))).toEqual([])
})
