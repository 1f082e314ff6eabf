import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { HeldReservations, RelayKeeper, type AdmissionListener, type RelayCandidate } from '../../src/index.ts'
import { partly } from '../admission/fixture.ts'
import type { Connection, PeerId } from '@libp2p/interface'

const start = async (names: string[], refuses: string[] = [], isCarrier = false) => {
  const network = await createTestNetwork()
  const peers = new Map<string, PeerId>()
  for (const name of ['self', ...names]) peers.set(name, (await network.member(name)).peerId)
  const peer = (name: string): PeerId => peers.get(name) ?? expect.fail(`nobody is called ${name}`)
  const nameOf = (id: PeerId): string => [...peers].find(([, one]) => one.equals(id))?.[0] ?? ''
  const clock = { ms: 1_000_000 }
  const held = new HeldReservations()
  const asked: string[] = []
  const refusing = new Set(refuses)
  let listener: AdmissionListener | undefined
  let candidates: RelayCandidate[] = names.map((name) => ({
    peer: peer(name).toString(),
    isConnected: true,
    isCarrier
  }))
  const onChange = vi.fn()
  const wanted = vi.fn(() => 1)
  const keeper = new RelayKeeper({
    self: peer('self'),
    held,
    admission: {
      onChange: (one) => {
        listener = one
        return () => {}
      }
    },
    wanted,
    candidates: async () => candidates,
    connect: async (relay) => partly<Connection>({ remotePeer: relay, status: 'open' }),
    onChange,
    now: () => clock.ms,
    intervalMs: 10,
    random: () => 0,
    reservationMs: 1_000,
    reserve: async (connection) => {
      const { remotePeer: relay } = connection
      asked.push(nameOf(relay))
      if (refusing.has(nameOf(relay))) throw new Error('full')
      const address = multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${relay.toString()}/p2p-circuit`)
      return { relay, connection, expiresMs: clock.ms + 1_000, addresses: [address] }
    }
  })
  const change = (what: 'admit' | 'gone' | 'replaced', name: string): void =>
    listener?.(what, peer(name), partly<Connection>({}))
  const holders = (): string[] => held.all().map(({ relay }) => nameOf(relay))
  const leave = (name: string): void => {
    candidates = candidates.filter((one) => one.peer !== peer(name).toString())
    change('gone', name)
  }
  const connectionOf = (name: string): Connection =>
    held.all().find(({ relay }) => relay.equals(peer(name)))?.connection ?? expect.fail(`no place at ${name}`)
  return { connectionOf, keeper, clock, asked, wanted, refusing, onChange, change, holders, leave, peer }
}

describe('the keeper of places', () => {
  it('goes to another relay at once where one says no, and where one goes', async () => {
    const one = await start(['a', 'b'], ['a', 'b'])
    one.keeper.start()
    await vi.waitFor(() => expect(one.asked.toSorted()).toEqual(['a', 'b']))
    one.refusing.clear()
    one.clock.ms += 60_000
    await vi.waitFor(() => expect(one.holders()).toHaveLength(1))
    const [first = ''] = one.holders()
    one.leave(first)
    await vi.waitFor(() => expect(one.holders()).toEqual([first === 'a' ? 'b' : 'a']))
    expect(one.keeper.addresses()).toHaveLength(1)
    one.keeper.stop()
  })

  it('renews in time without telling anybody, and asks anew who was started again', async () => {
    const one = await start(['a'])
    one.keeper.start()
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    const told = one.onChange.mock.calls.length
    one.clock.ms += 600
    await vi.waitFor(() => expect(one.asked).toHaveLength(2))
    expect(one.onChange.mock.calls).toHaveLength(told)
    one.change('replaced', 'a')
    await vi.waitFor(() => expect(one.asked).toHaveLength(3))
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    expect(one.onChange.mock.calls.length).toBeGreaterThan(told)
    one.keeper.stop()
  })

  it('asks a carrier that said no again after a while that doubles, and at once on another network', async () => {
    const one = await start(['a'], ['a'], true)
    const waitMs = () => (one.keeper.refusal(one.peer('a').toString())?.untilMs ?? 0) - one.clock.ms
    one.keeper.start()
    for (const [times, ms] of [15_000, 30_000, 60_000, 120_000].entries()) {
      await vi.waitFor(() => expect(one.asked).toHaveLength(times + 1))
      await vi.waitFor(() => expect(waitMs()).toBe(ms))
      expect(one.keeper.refusal(one.peer('a').toString())).toMatchObject({
        times: times + 1,
        error: { message: 'full' }
      })
      one.clock.ms += ms
    }
    one.refusing.clear()
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    expect(one.keeper.refusal(one.peer('a').toString())).toBeUndefined()
    one.keeper.stop()
  })

  it('goes without a longer wait than a quarter of an hour, and asks all when the machine has moved', async () => {
    const one = await start(['a'], ['a'], true)
    one.keeper.start()
    for (let times = 1; times < 12; times++) {
      await vi.waitFor(() => expect(one.asked).toHaveLength(times))
      await vi.waitFor(() => expect(one.keeper.refusal(one.peer('a').toString())?.times).toBe(times))
      one.clock.ms = one.keeper.refusal(one.peer('a').toString())?.untilMs ?? 0
    }
    await vi.waitFor(() => expect(one.asked).toHaveLength(12))
    await vi.waitFor(() =>
      expect(one.keeper.refusal(one.peer('a').toString())?.untilMs).toBe(one.clock.ms + limits.carrierRetryMostMs)
    )
    one.keeper.moved()
    await vi.waitFor(() => expect(one.asked).toHaveLength(13))
    one.keeper.stop()
  })

  it('asks a carrier anew whose connection has ended, and the record no longer names it meanwhile', async () => {
    const one = await start(['a'], [], true)
    one.keeper.start()
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    const told = one.onChange.mock.calls.length
    one.clock.ms += limits.carrierRetryMs
    one.keeper.closed(one.connectionOf('a'))
    expect(one.onChange.mock.calls.length).toBe(told + 1)
    await vi.waitFor(() => expect(one.asked).toEqual(['a', 'a']))
    one.keeper.stop()
  })

  it('does not ask a carrier again and again that gives a place and hangs up', async () => {
    const one = await start(['a'], [], true)
    one.keeper.start()
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    one.clock.ms += limits.carrierRetryMs - 1
    one.keeper.closed(one.connectionOf('a'))
    const a = one.peer('a').toString()
    expect(one.keeper.refusal(a)?.untilMs).toBe(one.clock.ms + limits.carrierRetryMs)
    expect(one.keeper.refusal(a)?.error.message).toContain('hung up as soon as it had given a place')
    // each turn of the keeper asks whom it may ask
    const turns = one.wanted.mock.calls.length
    await vi.waitFor(() => expect(one.wanted.mock.calls.length).toBeGreaterThan(turns + 1))
    expect(one.asked).toEqual(['a'])
    one.clock.ms += limits.carrierRetryMs
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    one.keeper.stop()
  })

  it('asks a relay that said no again when it is back, before the minute is over', async () => {
    const one = await start(['a'], ['a'])
    one.keeper.start()
    await vi.waitFor(() => expect(one.asked).toEqual(['a']))
    one.refusing.clear()
    one.change('admit', 'a')
    await vi.waitFor(() => expect(one.holders()).toEqual(['a']))
    one.keeper.stop()
  })
})
