import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { createBackOff } from '../../src/discovery/back-off.ts'
import { createBootstrap, type BootstrapPeer } from '../../src/discovery/bootstrap.ts'
import type { PeerId } from '@libp2p/interface'
import type { AdmissionListener } from '../../src/admission/interface.ts'

const at = (now: () => number) =>
  createBackOff({ baseMs: 100, maxMs: 1_000, goodAfterMs: 5_000, now, random: () => 0.5 })

describe('the back-off of a peer', () => {
  it('doubles with each attempt, up to a maximum', () => {
    const backOff = at(() => 0)
    const delays = [0, 1, 2, 3, 4, 5].map(() => {
      backOff.attempted('a')
      return backOff.notBefore('a')
    })
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect(backOff.notBefore('b')).toBe(0)
  })

  it('has jitter', () => {
    const delays = [0, 0.999].map((value) => {
      const backOff = createBackOff({ baseMs: 100, maxMs: 1_000, goodAfterMs: 1, now: () => 0, random: () => value })
      backOff.attempted('a')
      return Math.round(backOff.notBefore('a'))
    })
    expect(delays).toEqual([75, 125])
  })

  it('begins anew only after a connection that held', () => {
    let now = 0
    const backOff = at(() => now)
    for (let i = 0; i < 3; i++) backOff.attempted('a')
    backOff.connected('a')
    now = 4_999
    backOff.ended('a')
    backOff.attempted('a')
    expect(backOff.notBefore('a')).toBe(now + 800)
    backOff.connected('a')
    now += 5_000
    backOff.ended('a')
    expect(backOff.notBefore('a')).toBe(now + 100)
  })
})

describe('bootstrap', () => {
  let ids: PeerId[]
  let members: Set<string>
  let listeners: Set<AdmissionListener>
  let dialled: string[]
  const nameOf = new Map<string, string>()

  beforeEach(async () => {
    const network = await createTestNetwork()
    ids = await Promise.all(
      ['self', 'a', 'b', 'c', 'd', 'e'].map(async (name) => {
        const { peerId } = await network.member(name)
        nameOf.set(peerId.toString(), name)
        return peerId
      })
    )
    members = new Set()
    listeners = new Set()
    dialled = []
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const tell = (change: 'admit' | 'gone', peer: PeerId): void => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- bootstrap does not look at the connection
    for (const listener of listeners) listener(change, peer, undefined as never)
  }

  const start = (
    reachable: (name: string) => boolean,
    options: { targetDegree?: number; maxMs?: number } = {}
  ): (() => void) => {
    const [self, ...others] = ids
    if (self === undefined) throw new Error('no self')
    const peers = [self, ...others].map((peer): BootstrapPeer => ({
      peerId: peer.toString(),
      addresses: [multiaddr('/ip4/127.0.0.1/tcp/1')]
    }))
    const bootstrap = createBootstrap({
      self,
      peers: () => peers,
      connect: async (peer) => {
        const name = nameOf.get(peer.toString()) ?? ''
        dialled.push(name)
        if (!reachable(name)) throw new Error('nobody there')
        members.add(peer.toString())
        tell('admit', peer)
      },
      admission: {
        members: () => ids.filter((peer) => members.has(peer.toString())),
        has: (peer) => members.has(peer.toString()),
        onChange: (listener) => {
          listeners.add(listener)
          return () => listeners.delete(listener)
        }
      },
      random: () => 0.5,
      ...options
    })
    bootstrap.start()
    return bootstrap.stop
  }

  const lose = (name: string): void => {
    const peer = ids.find((id) => nameOf.get(id.toString()) === name)
    if (peer === undefined) throw new Error(name)
    members.delete(peer.toString())
    tell('gone', peer)
  }

  it('dials until enough members are connected, and not itself', async () => {
    const stop = start(() => true, { targetDegree: 2 })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(dialled).toEqual(['a', 'b'])
    stop()
  })

  it('goes on with the others where some are not there, and backs off from those', async () => {
    const stop = start((name) => name === 'e', { targetDegree: 1 })
    await vi.advanceTimersByTimeAsync(5_000)
    expect(dialled).toContain('e')
    const before = dialled.length
    await vi.advanceTimersByTimeAsync(600_000)
    expect(dialled.length).toBe(before)
    stop()
  })

  it('turns to the others when its neighbours die', async () => {
    const dead = new Set<string>()
    const stop = start((name) => !dead.has(name), { targetDegree: 2 })
    await vi.advanceTimersByTimeAsync(1_000)
    for (const name of ['a', 'b']) {
      dead.add(name)
      lose(name)
    }
    await vi.advanceTimersByTimeAsync(5_000)
    expect(new Set([...members].map((id) => nameOf.get(id)))).toEqual(new Set(['c', 'd']))
    stop()
  })

  it('does not redial in a storm a peer that accepts and then throws it out', async () => {
    const stop = start(
      (name) => {
        if (name === 'a') queueMicrotask(() => lose('a'))
        return name === 'a'
      },
      { targetDegree: 8 }
    )
    await vi.advanceTimersByTimeAsync(60_000)
    const dials = dialled.filter((name) => name === 'a').length
    expect(dials).toBeGreaterThan(2)
    expect(dials).toBeLessThan(9)
    stop()
  })

  it('with nobody there goes on for ever, at the slowest pace', async () => {
    const stop = start(() => false, { maxMs: 60_000 })
    await vi.advanceTimersByTimeAsync(600_000)
    const early = dialled.filter((name) => name === 'a').length
    await vi.advanceTimersByTimeAsync(600_000)
    const late = dialled.filter((name) => name === 'a').length - early
    expect(late).toBeGreaterThanOrEqual(8)
    expect(late).toBeLessThanOrEqual(14)
    stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(dialled.filter((name) => name === 'a').length - early).toBe(late)
  })
})
