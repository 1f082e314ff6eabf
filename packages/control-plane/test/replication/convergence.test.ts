import { beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { limits, MeshError } from '@agent-mesh/wire'
import { seededRandom, VirtualClock, type SeededRandom } from '@agent-mesh/testkit'
import { Conduct } from '../../src/replication/conduct.ts'
import { answer, ask, type ExchangeParts } from '../../src/replication/exchange.ts'
import { HolderBook } from '../../src/replication/holder-book.ts'
import { Intake } from '../../src/replication/intake.ts'
import { Inventory } from '../../src/replication/inventory.ts'
import { SyncPlan } from '../../src/replication/sync-plan.ts'
import { growingSet, sealed, versionedDocument, type DocumentReplica, type SetReplica } from './replicas.ts'
import type { MessageStream } from '../../src/admission/message-stream.ts'
import type { PeerId } from '@libp2p/interface'

const most = 12
const peers: PeerId[] = []
beforeAll(async () => {
  for (let index = 0; index < most; index++) peers.push(peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
})

/** Two ends of a stream in memory. */
const pair = (): [MessageStream, MessageStream, () => void] => {
  const queues: Uint8Array[][] = [[], []]
  const waiting: Array<(() => void) | undefined> = []
  let isClosed = false
  const end = (mine: 0 | 1): MessageStream => ({
    read: async () => {
      const queue = queues[mine]
      for (;;) {
        const message = queue?.shift()
        if (message !== undefined) return message
        if (isClosed) throw new MeshError('CONNECTION_LOST')
        await new Promise<void>((resolve) => (waiting[mine] = resolve))
      }
    },
    write: async (message) => {
      queues[1 - mine]?.push(message)
      waiting[1 - mine]?.()
    }
  })
  const close = (): void => {
    isClosed = true
    for (const wake of waiting) wake?.()
  }
  return [end(0), end(1), close]
}

interface Member {
  peer: PeerId
  set: SetReplica
  document: DocumentReplica
  plan: SyncPlan
  parts: ExchangeParts
}

/** Members without a network: announcements are lost, links fail, time is made. */
class Simulation {
  readonly clock = new VirtualClock()
  readonly members: Member[]
  readonly #random: SeededRandom
  readonly #lossRate: number
  /** Members of different parts cannot reach each other. */
  partOf: (member: Member) => number = () => 0
  comparisons = 0

  constructor(count: number, random: SeededRandom, lossRate: number) {
    this.#random = random
    this.#lossRate = lossRate
    this.members = peers.slice(0, count).map((peer) => this.#member(peer))
  }

  #member(peer: PeerId): Member {
    const { now } = this.clock
    const [set, document] = [growingSet(), versionedDocument()]
    const inventory = new Inventory([set, document], now)
    const book = new HolderBook({ now, isKept: () => true, isHere: () => true })
    const plan = new SyncPlan({
      now,
      random: this.#random.next,
      self: peer.toString(),
      members: () => this.#reachable(member).map((other) => other.peer.toString()),
      differs: (other) => inventory.differing(book.states(other)).length > 0
    })
    const onStates: ExchangeParts['onStates'] = (other, states) => book.note(other, states)
    const member: Member = {
      peer,
      set,
      document,
      plan,
      parts: {
        inventory,
        intake: new Intake({ now }),
        conduct: new Conduct(now),
        now,
        onStates,
        onTaken: () => {
          plan.tookOver()
          this.announce(member)
        }
      }
    }
    return member
  }

  #reachable(member: Member): Member[] {
    return this.members.filter((other) => other !== member && this.partOf(other) === this.partOf(member))
  }

  announce(from: Member): void {
    for (const to of this.#reachable(from)) {
      if (this.#random.next() < this.#lossRate) continue
      to.parts.onStates(from.peer, from.parts.inventory.states())
      if (to.parts.inventory.differing(from.parts.inventory.states()).length > 0) to.plan.heard(from.peer.toString())
    }
  }

  async #compare(from: Member, peer: string): Promise<void> {
    from.plan.began(peer)
    this.comparisons++
    const to = this.#reachable(from).find((other) => other.peer.toString() === peer)
    const [asking, answering, close] = pair()
    const { signal } = new AbortController()
    const served = to === undefined ? undefined : answer({ ...to.parts, messages: answering, peer: from.peer, signal })
    try {
      if (to === undefined || this.#random.next() < this.#lossRate / 4) throw new MeshError('CONNECTION_LOST')
      await ask({ ...from.parts, messages: asking, peer: to.peer, signal })
      from.plan.ended(peer, true)
    } catch {
      from.plan.ended(peer, false)
    } finally {
      close()
      await served?.catch(() => {})
    }
  }

  async run(forMs: number, isDone: () => boolean = () => false): Promise<number> {
    const startMs = this.clock.now()
    while (this.clock.now() - startMs < forMs && !isDone()) {
      this.clock.advance(50)
      const due = this.members.flatMap((member) => member.plan.due().map((peer) => ({ member, peer })))
      await Promise.all(due.map(async ({ member, peer }) => this.#compare(member, peer)))
    }
    return this.clock.now() - startMs
  }

  isConverged(): boolean {
    const [first] = this.members
    return this.members.every(
      ({ set, document }) =>
        Buffer.compare(set.digest(), first?.set.digest() ?? new Uint8Array()) === 0 &&
        Buffer.compare(document.digest(), first?.document.digest() ?? new Uint8Array()) === 0
    )
  }
}

const rounds = 60

describe('members without a network', () => {
  it('converge whatever announcements are lost, on the union and on the newest', async () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const random = seededRandom(seed)
      const lossRate = random.pick([0, 0.3, 0.9, 1])
      const simulation = new Simulation(random.integer(2, most + 1), random, lossRate)
      const added = new Set<string>()
      let newest = 0
      for (let change = random.integer(1, 20); change > 0; change--) {
        const member = random.pick(simulation.members)
        if (random.next() < 0.3) member.document.write(++newest, random.integer(0, 30_000))
        else {
          const text = `${seed} ${change}`
          added.add(text)
          member.set.add(sealed(text))
        }
        simulation.announce(member)
        await simulation.run(random.integer(0, 2_000))
      }
      const ms = await simulation.run(40 * limits.syncIntervalMs, () => simulation.isConverged())
      expect(simulation.isConverged(), `seed ${seed}, loss ${lossRate}, after ${ms} ms`).toBe(true)
      for (const { set, document } of simulation.members) {
        expect(set.size(), `seed ${seed}`).toBe(added.size)
        expect(document.version(), `seed ${seed}`).toBe(newest)
      }
    }
  }, 60_000)

  it('hold the union soon after a partition heals, though nobody announces anything', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const simulation = new Simulation(random.integer(4, most + 1), random, 1)
      const indexOf = (member: Member): number => simulation.members.indexOf(member)
      simulation.partOf = (member) => indexOf(member) % 2
      for (const member of simulation.members) member.set.add(sealed(`${seed} of ${indexOf(member)}`))
      await simulation.run(10 * limits.syncIntervalMs)
      expect(simulation.isConverged()).toBe(false)
      simulation.partOf = () => 0
      for (const member of simulation.members) {
        for (const other of simulation.members) {
          if (indexOf(other) % 2 !== indexOf(member) % 2) member.plan.arrived(other.peer.toString())
        }
      }
      const ms = await simulation.run(10 * limits.syncIntervalMs, () => simulation.isConverged())
      expect(simulation.isConverged(), `seed ${seed} after ${ms} ms`).toBe(true)
      expect(ms, `seed ${seed}`).toBeLessThan(15_000)
      for (const { set } of simulation.members) expect(set.size()).toBe(simulation.members.length)
    }
  }, 60_000)

  it('are quiet when they hold the same: one comparison each in an interval', async () => {
    const simulation = new Simulation(10, seededRandom(3), 0)
    const [first] = simulation.members
    first?.document.write(1, 1000)
    if (first !== undefined) simulation.announce(first)
    await simulation.run(5_000)
    expect(simulation.isConverged()).toBe(true)
    simulation.comparisons = 0
    await simulation.run(10 * limits.syncIntervalMs)
    expect(simulation.comparisons).toBeLessThanOrEqual(10 * 14)
    expect(simulation.comparisons).toBeGreaterThan(10 * 7)
  })
})
