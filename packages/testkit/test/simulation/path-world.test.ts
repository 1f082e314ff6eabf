import { describe, expect, it } from 'vitest'
import { seededRandom } from '@agent-mesh/testkit'
import { PathWorld } from '@agent-mesh/testkit/simulation'

const base = Number(process.env['MESH_SEED'] ?? 1)
const seeds = Array.from({ length: process.env['MESH_SEED'] === undefined ? 100 : 1 }, (_, i) => base + i)

/** A node that opens a tunnel to the peer every second. */
const inUse = (seed: number, init: ConstructorParameters<typeof PathWorld>[1] = {}): PathWorld => {
  const world = new PathWorld(seededRandom(seed), init)
  const want = (): void => {
    world.feed({ is: 'wanted' })
    world.at(world.nowMs + 1_000, want)
  }
  want()
  return world
}

const cut = (world: PathWorld, kinds: Array<keyof PathWorld['links']>, isSilent: boolean): void => {
  for (const kind of kinds) world.links[kind].isSilent = isSilent
}

describe.each(seeds)('seed %i', (seed) => {
  const random = seededRandom(seed)
  const faultMs = 20_000 + random.integer(0, 10_000)
  const lastsMs = random.integer(10_000, 240_000)

  it('leaves a path that went silent within 7 s, is back within 60 s of its end, and follows no flapping one', () => {
    const world = inUse(seed)
    world.connect('direct')
    world.at(faultMs, () => cut(world, ['direct', 'punch', 'webrtc'], true))
    world.at(faultMs + lastsMs, () => cut(world, ['direct', 'punch', 'webrtc'], false))
    world.run(faultMs + 7_000)
    expect(world.path).toBe('relayed')
    world.run(faultMs + lastsMs + 60_000)
    expect(['direct', 'punched']).toContain(world.path)
    expect(world.switches.length).toBeLessThanOrEqual(5)
    expect(world.open).toBeLessThanOrEqual(4)
  })

  it('loses no time with a spare path that went silent together with the best one', () => {
    const world = inUse(seed)
    const direct = world.connect('direct')
    const spares = [world.connect('relayed'), world.connect('relayed')]
    world.at(faultMs, () => {
      for (const id of [direct, ...spares]) world.lose(id)
      for (const kind of ['direct', 'punch', 'webrtc'] as const) world.links[kind].isOpen = false
    })
    world.run(faultMs + 7_000)
    expect(world.path).toBe('relayed')
    expect([direct, ...spares]).not.toContain(world.plan.standing(world.nowMs).id)
  })

  it('gets off a relay as soon as something better works, whenever that is', () => {
    const world = new PathWorld(random)
    for (const kind of ['direct', 'punch', 'webrtc'] as const) world.links[kind].isOpen = false
    world.connect('relayed')
    const healMs = random.integer(0, 600_000)
    const kind = random.pick(['direct', 'punch', 'webrtc'] as const)
    world.at(healMs, () => (world.links[kind].isOpen = true))
    world.run(healMs + 60_000)
    expect(world.path).not.toBe('relayed')
    // a round of three kinds: at once, four times in a minute, then at least 43 s apart
    expect(world.attempts.length).toBeLessThanOrEqual(3 * (6 + (healMs + 60_000) / 43_000))
  })

  it('rarely changes the path where a link comes and goes every few seconds', () => {
    const world = inUse(seed)
    world.connect('relayed')
    world.connect('direct')
    const flap = (isSilent: boolean): void => {
      cut(world, ['direct'], isSilent)
      world.at(world.nowMs + random.integer(500, 6_500), () => flap(!isSilent))
    }
    world.links.punch.isOpen = false
    world.links.webrtc.isOpen = false
    world.at(10_000, () => flap(true))
    world.run(310_000)
    // five minutes of about 85 changes of the link
    expect(world.switches.length).toBeLessThanOrEqual(20)
    expect(world.open).toBeLessThanOrEqual(12)
  })

  it('with direct paths alone wanted uses no relay, and comes back by itself', () => {
    const world = inUse(seed, { isDirectOnly: true })
    world.connect('direct')
    world.at(faultMs, () => cut(world, ['direct', 'punch', 'webrtc'], true))
    world.at(faultMs + lastsMs, () => cut(world, ['direct', 'punch', 'webrtc'], false))
    world.run(faultMs + lastsMs + 15_000)
    expect(world.path).not.toBe('relayed')
    expect(world.path).toBeDefined()
    expect(world.switches.map(({ path }) => path)).not.toContain('relayed')
  })
})

const world = (init = {}): PathWorld => new PathWorld(seededRandom(base), init)

const attemptsOf = (seed: number): unknown => {
  const one = inUse(seed)
  one.connect('relayed')
  one.run(100_000)
  return one.attempts
}

describe('the choice of a path', () => {
  it('closes a way that stays silent, and keeps one that was cut for 5 s', () => {
    for (const [lastsMs, zombies] of [
      [5_000, 0],
      [60_000, 1]
    ] as const) {
      const one = inUse(base, { kinds: ['direct'] })
      one.connect('direct')
      one.at(10_000, () => cut(one, ['direct'], true))
      one.at(10_000 + lastsMs, () => cut(one, ['direct'], false))
      one.run(100_000)
      expect(one.closed.filter(({ why }) => why === 'zombie')).toHaveLength(zombies)
      expect(one.path).toBe('direct')
    }
  })

  it('asks nothing of a peer that nobody uses, and takes no standstill of its own for one of the peer', () => {
    const idle = world()
    idle.connect('direct')
    idle.run(3_600_000)
    expect(idle.looks).toBeLessThan(5)
    const slow = inUse(base)
    slow.connect('direct')
    slow.run(10_000)
    slow.plan.tick(slow.nowMs + 30_000)
    expect(slow.path).toBe('direct')
  })

  it('takes payload for a sign of life', () => {
    const busy = inUse(base)
    const id = busy.connect('direct')
    cut(busy, ['direct'], true)
    for (let atMs = 1_000; atMs < 60_000; atMs += 1_000) busy.at(atMs, () => busy.feed({ is: 'heard', id }))
    busy.run(60_000)
    expect(busy.path).toBe('direct')
  })

  it('leaves a way to an old address for a younger one, and drops it 2 s after this machine moved', () => {
    const moved = world()
    const old = moved.connect('direct')
    moved.run(60_000)
    const young = moved.connect('direct')
    expect(moved.plan.standing(60_000).id).toBe(young)
    moved.links.direct.isSilent = true
    moved.run(61_000)
    moved.feed({ is: 'moved' })
    moved.run(63_100)
    expect(moved.closed.map(({ id }) => id).toSorted()).toEqual([old, young].toSorted())
  })

  it('lets tunnels finish on the way that they began on, and closes it when it is idle', () => {
    const one = world()
    const relayed = one.connect('relayed')
    one.feed({ is: 'busy', id: relayed, tunnels: 1 })
    one.run(200_000)
    expect(one.path).toBe('direct')
    expect(one.closed).toEqual([])
    one.feed({ is: 'busy', id: relayed, tunnels: 0 })
    one.run(300_000)
    expect(one.closed).toMatchObject([{ id: relayed, why: 'superseded' }])
  })

  it('says why a path is not better', () => {
    const bad = world({ kinds: ['direct', 'relayed'] })
    bad.links.direct.isOpen = false
    bad.connect('relayed')
    bad.run(10_000)
    expect(bad.plan.standing(12_000).reason).toMatch(
      /^direct: UNREACHABLE \d+ s ago; punch: not possible here; webrtc: not possible here; tried again in \d+ s$/
    )
    bad.connect('direct')
    expect(bad.plan.standing(12_000).reason).toBeUndefined()
  })

  it('the same seed gives the same trace', () => {
    expect(attemptsOf(5)).toEqual(attemptsOf(5))
    expect(attemptsOf(5)).not.toEqual(attemptsOf(6))
  })
})
