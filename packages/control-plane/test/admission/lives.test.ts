import { describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import {
  fullMember,
  fullServices,
  inTable,
  isLinked,
  link,
  subscribersOf,
  topic,
  track,
  type FullMember
} from './fixture.ts'
import type { AdmissionChange } from '../../src/index.ts'

const full = async (network: TestNetwork, name: string, init: { member?: TestMember; now?: () => number } = {}) => {
  const host = await fullMember({
    network,
    member: init.member ?? (await network.member(name)),
    admission: init.now === undefined ? {} : { now: init.now }
  })
  host.libp2p.services.pubsub.subscribe(topic)
  return host
}

const admissionOf = (host: FullMember) => host.libp2p.services.admission

const talks = async (from: FullMember, to: FullMember, timeout = 3_000): Promise<void> => {
  const heard = vi.fn()
  to.libp2p.services.pubsub.addEventListener('message', heard)
  await vi.waitFor(
    async () => {
      await from.libp2p.services.pubsub.publish(topic, crypto.getRandomValues(new Uint8Array(16)))
      await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 200, interval: 10 })
    },
    { timeout, interval: 10 }
  )
  to.libp2p.services.pubsub.removeEventListener('message', heard)
}

const converse = async (a: FullMember, b: FullMember): Promise<void> => {
  await vi.waitFor(() => {
    expect(isLinked(a, b)).toBe(true)
    expect(subscribersOf(a)).toContain(b.libp2p.peerId.toString())
    expect(subscribersOf(b)).toContain(a.libp2p.peerId.toString())
  }, 5_000)
  await talks(a, b)
  await talks(b, a)
}

describe('a member that was started again', () => {
  it('replaces the connections of its earlier process, which may be dead, and is heard at once', async () => {
    const network = await createTestNetwork()
    const a = await full(network, 'alice')
    const member = await network.member('bob')
    const before = await full(network, 'bob', { member })
    await link(before, a)
    await converse(a, before)
    const changes: AdmissionChange[] = []
    admissionOf(a).onChange((change) => changes.push(change))
    // two processes with one key: for the other side the earlier one is a link that nobody ends
    const [dead] = a.libp2p.getConnections(member.peerId)
    const after = await full(network, 'bob', { member })
    await link(after, a)
    await vi.waitFor(() => expect(dead?.status).not.toBe('open'))
    await converse(a, after)
    expect(changes).toEqual(['replaced'])
    expect(admissionOf(a).connections(member.peerId)).toHaveLength(1)
    expect(await inTable(after, a.libp2p.peerId)).toBe(true)
  })
})

/** Two hosts with one key and one instance id: one process that lost its connections without a word. */
const moved = async (network: TestNetwork, pauseMs: number) => {
  const a = await fullMember({ network, member: await network.member('alice') })
  a.libp2p.services.pubsub.subscribe(topic)
  const member = await network.member('bob')
  const admission = { instanceId: crypto.getRandomValues(new Uint8Array(16)) }
  const here = await fullMember({ network, member, admission })
  await link(here, a)
  const [left] = a.libp2p.getConnections(member.peerId)
  await new Promise((resolve) => {
    setTimeout(resolve, pauseMs)
  })
  const there = await fullMember({ network, member, admission })
  there.libp2p.services.pubsub.subscribe(topic)
  await link(there, a)
  return { a, there, left, member }
}

describe('a member that moved', () => {
  it('has one connection again, and is heard on it', async () => {
    const { a, there, left, member } = await moved(await createTestNetwork(), 2_100)
    await vi.waitFor(() => expect(left?.status).not.toBe('open'))
    await converse(a, there)
    expect(admissionOf(a).connections(member.peerId)).toHaveLength(1)
  })

  it('keeps one that was opened at nearly the same moment, which may be its own', async () => {
    const { a, left, member } = await moved(await createTestNetwork(), 0)
    await vi.waitFor(() => expect(admissionOf(a).connections(member.peerId)).toHaveLength(2))
    expect(left?.status).toBe('open')
  })

  it('says so only where it has no other connection', async () => {
    const network = await createTestNetwork()
    const a = await fullMember({ network, member: await network.member('alice') })
    const b = await fullMember({ network, member: await network.member('bob') })
    await link(b, a)
    await vi.waitFor(() => expect(admissionOf(a).greeting(b.libp2p.peerId)?.isOnly).toBe(true))
    await b.libp2p.dial(a.libp2p.getMultiaddrs(), { force: true })
    await vi.waitFor(() => expect(admissionOf(a).connections(b.libp2p.peerId)).toHaveLength(2))
    expect(admissionOf(a).greeting(b.libp2p.peerId)?.isOnly).toBe(false)
  })
})

/** A push of identify, some time after the start, would mend a topology by chance. */
const withoutPush = async (network: TestNetwork, name: string): Promise<FullMember> => {
  const services = { ...fullServices(network), identifyPush: () => ({ push: async () => {} }) }
  const host = track(await createHost({ network, member: await network.member(name), services }))
  host.libp2p.services.pubsub.subscribe(topic)
  return host
}

describe('a member with two connections', () => {
  it('is heard over the one that remains, whichever ends', async () => {
    const network = await createTestNetwork()
    for (const ended of [0, 1]) {
      const [a, b] = [await withoutPush(network, 'alice'), await withoutPush(network, 'bob')]
      const identified = { a: 0, b: 0 }
      a.libp2p.addEventListener('peer:identify', () => (identified.a += 1))
      b.libp2p.addEventListener('peer:identify', () => (identified.b += 1))
      const addresses = [b.libp2p.getMultiaddrs(), a.libp2p.getMultiaddrs()]
      await Promise.all([a.libp2p.dial(addresses[0] ?? []), b.libp2p.dial(addresses[1] ?? [])])
      await converse(a, b)
      const connections = a.libp2p.getConnections(b.libp2p.peerId)
      // a single connection when one side was quicker: then a second one is made
      if (connections.length === 1) await a.libp2p.dial(addresses[0] ?? [], { force: true })
      await vi.waitFor(() => expect(admissionOf(b).connections(a.libp2p.peerId)).toHaveLength(2))
      // nothing is on its way that would mend it by chance
      await vi.waitFor(() => expect(identified).toEqual({ a: 2, b: 2 }))
      const changes = vi.fn()
      admissionOf(a).onChange(changes)
      a.libp2p.getConnections(b.libp2p.peerId)[ended]?.abort(new Error('cut'))
      await vi.waitFor(() => expect(admissionOf(b).connections(a.libp2p.peerId)).toHaveLength(1))
      await converse(a, b)
      expect(changes).not.toHaveBeenCalled()
    }
  })
})

describe('an expelled member', () => {
  it('is refused with the code, and nobody storms', async () => {
    const network = await createTestNetwork()
    const [a, b] = [await full(network, 'alice'), await full(network, 'bob')]
    await link(b, a)
    await converse(a, b)
    // long enough for the DHT to mark its closest peers
    await vi.waitFor(async () => {
      const { tags } = await a.libp2p.peerStore.get(b.libp2p.peerId)
      expect([...tags.keys()]).toContain('kad-close')
    }, 7_000)
    let opened = 0
    for (const host of [a, b]) host.libp2p.addEventListener('connection:open', () => (opened += 1))
    admissionOf(a).expel(b.libp2p.peerId, 'DENIED')
    expect(admissionOf(a).has(b.libp2p.peerId)).toBe(false)
    expect(admissionOf(a).knows(b.libp2p.peerId)).toBe(false)
    await vi.waitFor(() => expect(b.libp2p.getConnections()).toEqual([]))
    const connection = await b.libp2p.dial(a.libp2p.getMultiaddrs())
    await expect(admissionOf(b).waitFor(connection)).rejects.toMatchObject({ code: 'DENIED' })
    // a storm is hundreds of connections in these seconds
    const until = performance.now() + 2_000
    await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), 4_000)
    expect(opened).toBeLessThanOrEqual(2)
    expect(admissionOf(b).refusal(a.libp2p.peerId)?.details).toMatchObject({ code: 'DENIED' })
    expect(subscribersOf(a)).toEqual([])
  }, 20_000)

  it('that has another certificate is decided on anew', async () => {
    const network = await createTestNetwork()
    const a = await full(network, 'alice')
    const old = await network.member('bob')
    const before = await full(network, 'bob', { member: old })
    await link(before, a)
    await vi.waitFor(() => expect(isLinked(a, before)).toBe(true))
    admissionOf(a).expel(old.peerId, 'DENIED')
    await before.stop()
    const after = await full(network, 'bob', { member: await network.member('bob', { privateKey: old.privateKey }) })
    await link(after, a)
    await vi.waitFor(() => expect(isLinked(a, after)).toBe(true))
  })
})

/** A certificate whose end, and the tolerance after it, is so near. */
const ending = (inMs: number) => ({
  notBeforeMs: Date.now() - 2 * limits.clockToleranceMs,
  notAfterMs: Date.now() - limits.clockToleranceMs + inMs
})

describe('a certificate that ends while its member is connected', () => {
  it('ends the connection with CERTIFICATE_EXPIRED, with the tolerance that hello has', async () => {
    const network = await createTestNetwork()
    const lifeMs = 1_500
    const member = await network.member('bob', ending(lifeMs))
    const [a, b] = [await full(network, 'alice'), await full(network, 'bob', { member })]
    const started = performance.now()
    await link(b, a)
    await converse(a, b)
    expect(admissionOf(a).knows(member.peerId)).toBe(true)
    await vi.waitFor(() => expect(admissionOf(a).has(member.peerId)).toBe(false), 4_000)
    expect(performance.now() - started).toBeGreaterThan(lifeMs - 1_000)
    expect(admissionOf(a).refusal(member.peerId)?.details).toMatchObject({ code: 'CERTIFICATE_EXPIRED' })
    expect(admissionOf(a).knows(member.peerId)).toBe(false)
    await vi.waitFor(() => expect(b.libp2p.getConnections()).toEqual([]))
    const connection = await b.libp2p.dial(a.libp2p.getMultiaddrs())
    await expect(admissionOf(b).waitFor(connection)).rejects.toMatchObject({ code: 'CERTIFICATE_EXPIRED' })
  })

  it('does not end it when a longer one was seen meanwhile', async () => {
    const network = await createTestNetwork()
    const lifeMs = 1_000
    const member = await network.member('bob', ending(lifeMs))
    const [a, b] = [await full(network, 'alice'), await full(network, 'bob', { member })]
    const connection = await link(b, a)
    await vi.waitFor(() => expect(isLinked(a, b)).toBe(true))
    const renewed = await network.member('bob', { privateKey: member.privateKey })
    const c = await full(network, 'carol')
    const again = await full(network, 'bob', { member: renewed })
    await link(again, c)
    await vi.waitFor(() => expect(isLinked(c, again)).toBe(true))
    const membership = admissionOf(c).membership(member.peerId)
    if (membership === undefined) throw new Error('carol knows bob')
    admissionOf(a).learn(membership)
    const until = performance.now() + 2 * lifeMs
    await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), 4_000)
    expect(connection.status).toBe('open')
    expect(admissionOf(a).has(member.peerId)).toBe(true)
    admissionOf(a).learn({ ...membership, notAfterMs: 0 })
    expect(admissionOf(a).membership(member.peerId)?.notAfterMs).toBe(membership.notAfterMs)
  })
})

describe('identify', () => {
  it('runs on admission and makes peers known to topologies', async () => {
    const network = await createTestNetwork()
    const [a, b] = [await full(network, 'alice'), await full(network, 'bob')]
    const order: string[] = []
    admissionOf(a).onChange((change) => order.push(change))
    a.libp2p.addEventListener('peer:identify', () => order.push('identify'))
    await link(a, b)
    await vi.waitFor(() => expect(order).toEqual(['admit', 'identify']))
  })

  it('is tried again when it fails', async () => {
    const network = await createTestNetwork()
    const [a, b] = [await full(network, 'alice'), await full(network, 'bob')]
    const run = vi.spyOn(a.libp2p.services.identify, 'identify').mockRejectedValueOnce(new Error('busy'))
    await link(a, b)
    await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(2))
    await vi.waitFor(() => expect(subscribersOf(a)).toContain(b.libp2p.peerId.toString()))
  })
})
