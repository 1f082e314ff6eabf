import { describe, expect, it } from 'vitest'
import { seededRandom, VirtualClock, type SeededRandom } from '@agent-mesh/testkit'
import { UpkeepPlan, type UpkeepKnobs } from '../../src/discovery/upkeep-plan.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
/** A dial of somebody who is not there, and of somebody who is. */
const failMs = 3_000
const dialMs = 200

/** Members that run nothing but upkeep: who is connected knows whom the other one knows, as if by gossip. */
class Overlay {
  readonly clock = new VirtualClock()
  readonly plans = new Map<string, UpkeepPlan>()
  readonly links = new Map<string, Set<string>>()
  readonly #sides = new Map<string, number>()
  readonly #timers = new Map<string, () => void>()
  readonly #random: SeededRandom
  readonly #knobs: Partial<UpkeepKnobs>
  readonly #first: string
  dials = 0

  constructor(count: number, random: SeededRandom, knobs: Partial<UpkeepKnobs> = {}) {
    this.#random = random
    this.#knobs = knobs
    this.#first = 'm0'
    for (let index = 0; index < count; index++) this.#add(`m${index}`)
  }

  #add(self: string): void {
    this.links.set(self, new Set())
    const seen = new Map<string, number>()
    const plan = new UpkeepPlan({
      ...this.#knobs,
      now: this.clock.now,
      random: this.#random.next,
      self,
      members: () => [...this.neighbours(self)],
      candidates: () => {
        // the whole piece of the mesh has told who it is; nobody forgets
        for (const peer of this.piece(self)) seen.set(peer, this.clock.now())
        seen.set(this.#first, seen.get(this.#first) ?? 0)
        return [...seen.keys()].map((peerId) => ({ peerId, isFirst: peerId === this.#first }))
      },
      isHeardSince: (peer, sinceMs) => this.piece(self).has(peer) && this.clock.now() > sinceMs
    })
    this.plans.set(self, plan)
    this.#arm(self)
  }

  #arm(self: string): void {
    const plan = this.plans.get(self)
    this.#timers.get(self)?.()
    if (plan === undefined) return
    const delayMs = Math.max(10, plan.nextMs() - this.clock.now())
    this.#timers.set(
      self,
      this.clock.setTimeout(() => this.#look(self, plan), delayMs)
    )
  }

  #look(self: string, plan: UpkeepPlan): void {
    for (const { peerId } of plan.due()) {
      this.dials++
      const canReach = this.#canReach(self, peerId)
      this.clock.setTimeout(
        () => {
          if (this.plans.get(self) !== plan) return
          const isConnected = canReach && this.#canReach(self, peerId)
          if (isConnected) this.#link(self, peerId)
          plan.ended(peerId, isConnected)
          this.#arm(self)
        },
        canReach ? dialMs : failMs
      )
    }
    this.#arm(self)
  }

  #canReach(a: string, b: string): boolean {
    return this.plans.has(b) && this.#sides.get(a) === this.#sides.get(b)
  }

  #link(a: string, b: string): void {
    if (this.neighbours(a).has(b)) return
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      this.neighbours(from).add(to)
      this.plans.get(from)?.admitted(to)
      this.#arm(from)
    }
  }

  #unlink(a: string, b: string): void {
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      if (!this.neighbours(from).delete(to)) continue
      this.plans.get(from)?.gone(to)
      this.#arm(from)
    }
  }

  neighbours(peer: string): Set<string> {
    return this.links.get(peer) ?? new Set()
  }

  kill(peer: string): void {
    this.plans.delete(peer)
    this.#timers.get(peer)?.()
    for (const other of this.neighbours(peer)) this.#unlink(other, peer)
  }

  /** Links between sides break. */
  split(sideOf: (peer: string) => number): void {
    for (const peer of this.links.keys()) this.#sides.set(peer, sideOf(peer))
    for (const [peer, others] of this.links) {
      for (const other of others) if (!this.#canReach(peer, other)) this.#unlink(peer, other)
    }
  }

  heal(): void {
    this.#sides.clear()
  }

  /** Everybody whom a member is connected with, over others too. */
  piece(peer: string): Set<string> {
    const found = new Set([peer])
    for (const one of found) for (const other of this.neighbours(one)) found.add(other)
    return found
  }

  isWhole(): boolean {
    const [one] = this.plans.keys()
    return one !== undefined && this.piece(one).size === this.plans.size
  }

  degrees(): number[] {
    return [...this.plans.keys()].map((peer) => this.neighbours(peer).size).toSorted((a, b) => a - b)
  }

  /** @returns milliseconds until it is in one piece, or undefined */
  untilWhole(mostMs: number): number | undefined {
    const startMs = this.clock.now()
    while (this.clock.now() - startMs < mostMs) {
      if (this.isWhole()) return this.clock.now() - startMs
      this.clock.advance(100)
    }
    return undefined
  }
}

describe(`an overlay in virtual time (seed ${seed})`, () => {
  it('is no star: it stays in one piece when its only first member dies, with no dial', () => {
    for (let run = 0; run < 20; run++) {
      const overlay = new Overlay(50, seededRandom(seed + run))
      overlay.clock.advance(60_000)
      expect(overlay.degrees()[0]).toBeGreaterThanOrEqual(8)
      overlay.kill('m0')
      expect(overlay.isWhole(), `run ${run}`).toBe(true)
    }
  })

  it('stays in one piece when a third of it dies at once', () => {
    for (let run = 0; run < 10; run++) {
      const random = seededRandom(seed + run)
      const overlay = new Overlay(60, random)
      overlay.clock.advance(60_000)
      for (const peer of random.shuffle([...overlay.plans.keys()]).slice(0, 20)) overlay.kill(peer)
      expect(overlay.isWhole(), `run ${run}`).toBe(true)
    }
  })

  it('takes back within 15 s whoever lost all its neighbours at once', () => {
    for (let run = 0; run < 20; run++) {
      const overlay = new Overlay(50, seededRandom(seed + run), { mostDegree: 12 })
      overlay.clock.advance(60_000)
      for (const peer of overlay.neighbours('m7')) overlay.kill(peer)
      expect(overlay.neighbours('m7').size).toBe(0)
      expect(overlay.untilWhole(60_000), `run ${run}`).toBeLessThan(15_000)
    }
  })

  it.each([60_000, 600_000])('is one again within 30 s after a partition of %d ms', (partitionMs) => {
    const times: number[] = []
    for (let run = 0; run < 10; run++) {
      const overlay = new Overlay(50, seededRandom(seed + run))
      overlay.clock.advance(60_000)
      overlay.split((peer) => Number(peer.slice(1)) % 2)
      overlay.clock.advance(partitionMs)
      expect(overlay.isWhole()).toBe(false)
      overlay.heal()
      times.push(overlay.untilWhole(120_000) ?? Number.POSITIVE_INFINITY)
      // one link is no bridge
      overlay.clock.advance(20_000)
      const across = [...overlay.links]
        .filter(([peer]) => Number(peer.slice(1)) % 2 === 0)
        .flatMap(([, others]) => [...others].filter((other) => Number(other.slice(1)) % 2 === 1))
      expect(across.length, `run ${run}`).toBeGreaterThan(25)
    }
    expect(Math.max(...times)).toBeLessThan(30_000)
  })

  it('would be a star without random links, and stay apart without dials to those out of view', () => {
    const star = new Overlay(50, seededRandom(seed), { targetDegree: 1, randomDegree: 0 })
    star.clock.advance(60_000)
    star.kill('m0')
    expect(star.isWhole()).toBe(false)
    const apart = new Overlay(50, seededRandom(seed), { reunionMs: 1e9 })
    apart.clock.advance(60_000)
    apart.split((peer) => Number(peer.slice(1)) % 2)
    apart.clock.advance(60_000)
    apart.heal()
    expect(apart.untilWhole(120_000)).toBeUndefined()
  })

  it('dials no more once it stands, and does not grow for ever', () => {
    const overlay = new Overlay(60, seededRandom(seed))
    overlay.clock.advance(120_000)
    const before = overlay.dials
    overlay.clock.advance(600_000)
    expect(overlay.dials - before).toBe(0)
    expect(overlay.degrees().at(-1)).toBeLessThan(60)
  })
})
