import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { HeldReservations, RelayKeeper, type AdmissionListener, type RelayCandidate } from '../../src/index.ts'
import { partly } from '../admission/fixture.ts'
import type { Connection, PeerId } from '@libp2p/interface'

const start = async (names: string[], refuses: string[] = []) => {
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
  let candidates: RelayCandidate[] = names.map((name) => ({ peer: peer(name).toString(), isConnected: true }))
  const onChange = vi.fn()
  const keeper = new RelayKeeper({
    self: peer('self'),
    held,
    admission: {
      onChange: (one) => {
        listener = one
        return () => {}
      }
    },
    wanted: () => 1,
    candidates: async () => candidates,
    connect: async (relay) => partly<Connection>({ remotePeer: relay }),
    onChange,
    now: () => clock.ms,
    intervalMs: 10,
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
  return { keeper, clock, asked, refusing, onChange, change, holders, leave, peer }
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
