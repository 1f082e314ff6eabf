import { multiaddr } from '@multiformats/multiaddr'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork, VirtualClock, type TestMember } from '@agent-mesh/testkit'
import { parseTarget } from '@agent-mesh/wire'
import { createResolver, type Resolver, type ResolverInit } from '../../src/routing/resolve.ts'
import type { Digest, HealthState, PeerHealth, ServiceState } from '../../src/health/interface.ts'
import type { VerifiedRecord } from '../../src/discovery/interface.ts'

const names = ['ann', 'bea', 'cleo', 'dora', 'self']

const members = new Map<string, TestMember>()
beforeAll(async () => {
  const network = await createTestNetwork()
  for (const name of names) members.set(name, await network.member(name))
})

const memberOf = (name: string): TestMember => {
  const member = members.get(name)
  if (member === undefined) throw new Error(`no ${name}`)
  return member
}

const recordOf = (name: string, nowMs: number): VerifiedRecord => {
  const { peerId } = memberOf(name)
  return {
    peerId,
    membership: {
      peerId,
      name,
      groups: [],
      mayAdmit: false,
      serial: '1',
      notBeforeMs: 0,
      notAfterMs: nowMs + 1e9,
      issuedMs: 0,
      issuer: peerId,
      chain: [],
      isIssuedByRoot: true,
      isAdmin: false,
      policySignatures: 1,
      isEphemeral: false
    },
    sequence: 1,
    issuedMs: nowMs,
    expiresMs: nowMs + 600_000,
    addresses: [multiaddr('/ip4/192.0.2.1/tcp/1')],
    services: [{ name: 'web', kind: 'http', capabilities: ['math'] }],
    capabilities: ['math'],
    isWithdrawn: false,
    bytes: new Uint8Array()
  }
}

interface Said {
  state: HealthState
  service?: ServiceState
  weight?: number
  tunnels?: number
}

const digestOf = (name: string, { service, weight = 1, tunnels = 0 }: Said, nowMs: number): Digest => ({
  peerId: memberOf(name).peerId.toString(),
  incarnation: 1,
  sequence: 7,
  timeMs: nowMs,
  load: { eventLoopLagMs: 1, tunnels },
  services:
    service === undefined
      ? []
      : [{ name: 'web', state: service, sinceMs: nowMs - 4_000, reason: 'it is down', weight }],
  neighbours: []
})

/** A resolver that knows these agents, and what is said of their health; the rest of the mesh is not there. */
const start = (said: Record<string, Said>, more: Partial<ResolverInit> = {}) => {
  const clock = new VirtualClock()
  let lookups = 0
  const known = Object.keys(said).map((name) => recordOf(name, clock.now()))
  const health = new Map<string, PeerHealth>()
  const say = (name: string, what: Said): void => {
    const peerId = memberOf(name).peerId.toString()
    const digest = digestOf(name, what, clock.now())
    const { state } = what
    health.set(peerId, { peerId, state, sinceMs: clock.now() - 12_000, reason: 'a probe', incarnation: 1, digest })
  }
  for (const [name, what] of Object.entries(said)) say(name, what)
  const resolver: Resolver = createResolver({
    discovery: {
      find: async function* () {
        lookups += 1
        yield* known
      },
      findName: async (name) => known.filter(({ membership }) => membership.name === name),
      record: async (peer) => known.find(({ peerId }) => peerId.equals(peer)),
      known: (peer) => known.find(({ peerId }) => peerId.equals(peer)),
      knownNamed: (name) => known.filter(({ membership }) => membership.name === name),
      knownOffering: () => known,
      suggest: async () => []
    },
    admission: {
      members: () => [],
      remembered: () => [],
      membership: () => undefined,
      connections: () => [],
      refusal: () => undefined
    },
    self: memberOf('self').peerId,
    health: { of: (peer) => health.get(peer.toString()) },
    now: clock.now,
    ...more
  })
  const resolve = async (target: string) =>
    resolver.resolve(parseTarget(target), { signal: AbortSignal.timeout(5_000) })
  const order = async (target: string): Promise<string[]> => (await resolve(target)).map(({ name = '' }) => name)
  return { clock, resolver, resolve, order, say, lookups: () => lookups }
}

describe('a capability', () => {
  it('leads to the living before the suspects, and never to the dead or those that left', async () => {
    const { order, say } = start({
      ann: { state: 'dead' },
      bea: { state: 'suspect' },
      cleo: { state: 'alive' },
      dora: { state: 'left' }
    })
    expect(await order('cap:math')).toEqual(['cleo', 'bea'])
    say('cleo', { state: 'dead' })
    expect(await order('cap:math')).toEqual(['bea'])
    say('bea', { state: 'unreachable' })
    expect(await order('cap:math')).toEqual(['bea'])
  })

  it('whose agents are all dead leads to nobody, and says what became of each', async () => {
    const { resolve } = start({ ann: { state: 'dead' }, bea: { state: 'left' } })
    await expect(resolve('cap:math')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'mesh-node find math --explain',
      details: {
        agents: expect.arrayContaining([expect.stringMatching(/^ann: dead for 12 s: a probe; not connected/)])
      }
    })
  })

  it('leads to a failing service last, with the reason', async () => {
    const { resolve } = start({
      ann: { state: 'alive', service: 'failing' },
      bea: { state: 'alive', service: 'unchecked' },
      cleo: { state: 'alive', service: 'healthy' }
    })
    const candidates = await resolve('cap:math')
    expect(candidates.map(({ name, tier }) => `${name}${tier}`).toSorted()).toEqual(['ann1', 'bea0', 'cleo0'])
    expect(candidates[2]).toMatchObject({ name: 'ann', isGood: false, behindBy: 'service' })
    expect(candidates[2]?.reason).toContain('its service is failing for 4 s: it is down')
  })

  it('leads last to those whose policy denies us, by what is known here', async () => {
    const { resolve } = start(
      { ann: { state: 'alive' }, bea: { state: 'suspect' } },
      {
        mayUse: ({ name }, service, capabilities) => {
          expect([service, capabilities]).toEqual(['web', ['math']])
          return { allowed: name === 'bea', rule: 'policy version 3' }
        }
      }
    )
    const candidates = await resolve('cap:math')
    expect(candidates.map(({ name }) => name)).toEqual(['bea', 'ann'])
    expect(candidates[1]?.reason).toContain('denied by policy version 3')
  })

  it('shares the work among those of one tier by what they said of their weight and load', async () => {
    const { resolve } = start({
      ann: { state: 'alive', service: 'healthy', weight: 1, tunnels: 3 },
      bea: { state: 'alive', service: 'healthy', weight: 5, tunnels: 3 }
    })
    expect(await resolve('cap:math')).toMatchObject([
      { name: 'bea', tier: 0, weight: 5, reported: { tunnels: 3, id: '1.7' } },
      { name: 'ann', tier: 0, weight: 1 }
    ])
  })

  it('is looked up once for many calls, again in between, and anew when too old', async () => {
    const { clock, order, lookups } = start({ ann: { state: 'alive' }, bea: { state: 'alive' } })
    const after = async (ms: number): Promise<number> => {
      clock.advance(ms)
      expect(await order('cap:math')).toHaveLength(2)
      return lookups()
    }
    expect([await after(0), await after(1_000), await after(1_000)]).toEqual([1, 1, 1])
    expect([await after(1), await after(1)]).toEqual([2, 2])
    expect(await after(60_000)).toBe(3)
  })

  it('is looked up where nothing at hand is good', async () => {
    const { order, say, lookups } = start({ ann: { state: 'alive' } })
    await order('cap:math')
    say('ann', { state: 'suspect' })
    expect(await order('cap:math')).toEqual(['ann'])
    expect(lookups()).toBe(2)
  })
})

describe('an agent that is named', () => {
  it('is tried whatever its state', async () => {
    const { resolve } = start({ ann: { state: 'dead' } })
    for (const target of ['ann/web', `${memberOf('ann').peerId.toString()}/web`]) {
      expect(await resolve(target)).toMatchObject([
        { name: 'ann', isUsable: false, reason: expect.stringMatching(/^dead for 12 s/) }
      ])
    }
  })
})
