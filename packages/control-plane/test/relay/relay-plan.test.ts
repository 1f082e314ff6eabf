import { describe, expect, it } from 'vitest'
import { seededRandom } from '@agent-mesh/testkit'
import { planRelays, type RelaySituation } from '../../src/relay/relay-plan.ts'

const situation = (given: Partial<RelaySituation> = {}): RelaySituation => ({
  self: 'self',
  wanted: 2,
  candidates: [],
  held: [],
  failedUntilMs: new Map(),
  nowMs: 1_000_000,
  reservationMs: 600_000,
  ...given
})

const relays = (count: number, isConnected = true) =>
  Array.from({ length: count }, (_, place) => ({ peer: `relay-${place}`, isConnected }))

const choose = (self: string, count: number): string[] =>
  planRelays(situation({ self, candidates: relays(count) })).map(({ peer }) => peer)

/** Steps, with the kind of relay that each is about. */
const from = (candidates: RelaySituation['candidates'], held: RelaySituation['held'] = []): string[] =>
  planRelays(situation({ candidates, held })).map(({ do: what, peer }) => `${what} ${peer.split('-')[0] ?? ''}`)

describe('the plan of places at relays', () => {
  it('asks for as many as are wanted, and never at itself', () => {
    const steps = planRelays(situation({ candidates: [...relays(5), { peer: 'self', isConnected: true }] }))
    expect(steps.map((step) => step.do)).toEqual(['reserve', 'reserve'])
    expect(steps.map(({ peer }) => peer)).not.toContain('self')
  })

  it('takes connected relays before those that have to be dialled', () => {
    const candidates = [...relays(20, false), { peer: 'near', isConnected: true }]
    expect(planRelays(situation({ candidates }))[0]).toEqual({ do: 'reserve', peer: 'near' })
  })

  const carriers = [0, 1].map((place) => ({ peer: `carrier-${place}`, isConnected: true, isCarrier: true }))

  it('takes carriers for what members leave, and gives one up once a member has taken its turn', () => {
    expect(from(carriers)).toEqual(['reserve carrier', 'reserve carrier'])
    expect(from([...carriers, ...relays(1, false)])).toEqual(['reserve relay', 'reserve carrier'])
    expect(from([...carriers, ...relays(2, false)])).toEqual(['reserve relay', 'reserve relay'])
    const expiresMs = 2_000_000
    const atCarriers = carriers.map(({ peer }) => ({ peer, expiresMs, isCarrier: true }))
    expect(from([...carriers, ...relays(1)], atCarriers)).toEqual(['reserve relay'])
    expect(from([...carriers, ...relays(1)], [...atCarriers, { peer: 'relay-0', expiresMs }])).toEqual([
      'give-up carrier'
    ])
    expect(from(carriers, atCarriers)).toEqual([])
  })

  it('renews after half of the time, and asks no relay that said no a moment ago', () => {
    const held = [{ peer: 'relay-0', expiresMs: 1_000_000 + 299_999 }]
    const failedUntilMs = new Map([
      ['relay-1', 1_000_001],
      ['relay-2', 1_000_000]
    ])
    expect(planRelays(situation({ candidates: relays(3), held, failedUntilMs }))).toEqual([
      { do: 'renew', peer: 'relay-0' },
      { do: 'reserve', peer: 'relay-2' }
    ])
  })

  it('gives all up where none is wanted', () => {
    const held = relays(2).map(({ peer }) => ({ peer, expiresMs: 2_000_000 }))
    const steps = planRelays(situation({ wanted: 0, candidates: relays(2), held }))
    expect(steps).toHaveLength(2)
    expect(steps.every((step) => step.do === 'give-up')).toBe(true)
  })

  it('spreads many nodes over the relays, and moves few when one goes', () => {
    const random = seededRandom(1)
    const nodes = Array.from({ length: 600 }, () => `node-${Math.floor(random.next() * 1e9)}`)
    const load = new Map<string, number>()
    for (const node of nodes) for (const peer of choose(node, 6)) load.set(peer, (load.get(peer) ?? 0) + 1)
    // 200 each on average; 13 is one standard deviation
    for (const count of load.values()) expect(Math.abs(count - 200)).toBeLessThan(65)
    const moved = nodes.filter((node) => {
      const before = choose(node, 6)
      const after = choose(node, 5)
      return !before.includes('relay-5') && before.join() !== after.join()
    })
    expect(moved).toEqual([])
  })
})
