import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { collect } from './collect.ts'
import { connect, forgetOthers, signal, startNode, startNodes, stopNodes, type TestNode } from './node.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopNodes)

const services = [{ name: 'web', kind: 'http', capabilities: ['language/text/translation'] }]

const find = async (node: TestNode, path: string): Promise<string[]> => {
  forgetOthers(node)
  const found = await collect(node.discovery.find(path, { signal: signal() }))
  return found.map((record) => record.membership.name)
}

describe('a published agent', () => {
  it('is found by its capability, by each ancestor, by name and by peer id', async () => {
    const [alice, bob] = await startNodes(network, 4)
    const report = await alice.discovery.publish({ ...alice.plain(), services, capabilities: ['math'] })
    expect(report).toMatchObject({ storedBy: 3, keys: 5 })
    expect(Math.abs(report.untilMs - Date.now() - limits.recordTtlMs)).toBeLessThan(10_000)
    for (const path of ['language/text/translation', 'language/text', 'language', 'math'])
      expect(await find(bob, path)).toEqual(['member-0'])
    expect(await find(bob, 'language/speech')).toEqual([])
    const [named] = await bob.discovery.findName('member-0', { signal: signal() })
    expect(named?.peerId.equals(alice.member.peerId)).toBe(true)
    expect((await bob.discovery.record(alice.member.peerId, { signal: signal() }))?.services).toEqual(services)
  })

  it('is found by what it offers now, no more by what it offered before', async () => {
    const [alice, bob] = await startNodes(network, 2)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['math', 'chess'] })
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['chess'] })
    expect([await find(bob, 'math'), await find(bob, 'chess')]).toEqual([[], ['member-0']])
  })

  it('is not found after its withdrawal, and its record says so', async () => {
    const [alice, bob] = await startNodes(network, 3)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })
    expect(await find(bob, 'math')).toEqual(['member-0'])
    expect(await alice.discovery.withdraw()).toMatchObject({ storedBy: 2, keys: 0 })
    expect(await find(bob, 'math')).toEqual([])
    expect((await bob.discovery.record(alice.member.peerId, { signal: signal() }))?.isWithdrawn).toBe(true)
  })

  it('tells the addresses that reach furthest where it has more than a record holds', async () => {
    const [alice, bob] = await startNodes(network, 2)
    const loopback = Array.from({ length: limits.addressesPerRecord }, (_, i) =>
      multiaddr(`/ip4/127.0.0.1/tcp/${i + 1}`)
    )
    const far = ['/ip4/10.1.2.3/tcp/1', '/ip4/5.5.5.5/tcp/1'].map((text) => multiaddr(text))
    await alice.discovery.publish({ ...alice.plain(), addresses: [...loopback, ...far] })
    const record = await bob.discovery.record(alice.member.peerId, { signal: signal() })
    expect(record?.addresses).toHaveLength(limits.addressesPerRecord)
    expect(record?.addresses.slice(0, 3).map(String)).toEqual([
      '/ip4/5.5.5.5/tcp/1',
      '/ip4/10.1.2.3/tcp/1',
      '/ip4/127.0.0.1/tcp/1'
    ])
  })

  it('with one key too many is refused before anything is stored', async () => {
    const [alice] = await startNodes(network, 2)
    const capabilities = Array.from({ length: limits.providerKeysPerNode }, (_, i) => `c${i}`)
    await expect(alice.discovery.publish({ ...alice.plain(), capabilities })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED'
    })
    expect(alice.discovery.known(alice.member.peerId)).toBeUndefined()
  })
})

describe('the sequence of a record', () => {
  it('goes on from what was stored, even where the clock went back', async () => {
    const stored = vi.fn<(sequence: number) => void>()
    const sequence = { load: async () => Number.MAX_SAFE_INTEGER - 10, save: async (next: number) => stored(next) }
    const alice = await startNode(network, 'alice', { sequence })
    const bob = await startNode(network, 'bob')
    await connect(bob, alice)
    expect((await alice.discovery.publish(alice.plain())).sequence).toBe(Number.MAX_SAFE_INTEGER - 9)
    expect(stored).toHaveBeenCalledExactlyOnceWith(Number.MAX_SAFE_INTEGER - 9)
  })

  it('goes on above what the holders know where the counter was lost', async () => {
    const [holder] = await startNodes(network, 3)
    const member = await network.member('alice')
    const before = await startNode(network, member, {
      sequence: { load: async () => 1e15, save: async () => undefined }
    })
    await connect(before, holder)
    const first = await before.discovery.publish(before.plain())
    await before.stop()
    const after = await startNode(network, member)
    await connect(after, holder)
    const second = await after.discovery.publish({ ...after.plain(), capabilities: ['math'] })
    expect(second.sequence).toBe(first.sequence + 1)
    expect(await find(holder, 'math')).toEqual(['alice'])
  })
})

it('a record is stored again and again, until it is withdrawn', async () => {
  const published = vi.fn<() => void>()
  const alice = await startNode(network, 'alice', { republishMs: 150, onPublished: published })
  const others = vi.fn<() => void>()
  const bob = await startNode(network, 'bob', { republishMs: 150, onPublished: others })
  await connect(bob, alice)
  const first = await alice.discovery.publish(alice.plain())
  await vi.waitFor(() => expect(published.mock.calls.length).toBeGreaterThan(3), 10_000)
  await vi.waitFor(() => expect(bob.book.get(alice.member.peerId)?.sequence).toBeGreaterThan(first.sequence), 10_000)
  const last = await alice.discovery.withdraw()
  const rounds = published.mock.calls.length
  await vi.waitFor(() =>
    expect(bob.book.get(alice.member.peerId)).toMatchObject({ isWithdrawn: true, sequence: last.sequence })
  )
  await bob.discovery.publish(bob.plain())
  await vi.waitFor(() => expect(others.mock.calls.length).toBeGreaterThan(3), 10_000)
  expect(published.mock.calls.length).toBe(rounds)
})

it('a member that joins later finds what was published to fewer', async () => {
  const [alice, bob] = await startNodes(network, 2)
  await alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })
  const carol = await startNode(network, 'carol')
  await connect(carol, bob)
  expect(await find(carol, 'math')).toEqual(['member-0'])
})

it('a near path in use is suggested, one in use is not', async () => {
  const [alice, bob] = await startNodes(network, 3)
  await alice.discovery.publish({ ...alice.plain(), services })
  const suggest = async (path: string): Promise<string[]> => bob.discovery.suggest(path, { signal: signal() })
  expect(await suggest('langauge')).toEqual(['language'])
  expect(await suggest('text/translation')).toEqual(['language/text/translation'])
  expect(await suggest('language/text')).toEqual([])
  expect(await suggest('chess')).toEqual([])
  await expect(suggest('No Path')).rejects.toMatchObject({ code: 'CAPABILITY_INVALID' })
})
