import { createDetector, type Claim, type Detector, type MemberView } from '@agent-mesh/control-plane/detector'
import type { SeededRandom } from '../random.ts'
import type { DigestMessage } from './message.ts'
import type { Scenario } from './scenario.ts'

export const nameOf = (node: number): string => `n${node}`
export const numberOf = (peer: string): number => Number(peer.slice(1))

/** Of everybody when a simulation begins. */
export const firstIncarnation = 1

/** A detector with what a shell keeps beside it: the last digest of each member, and neighbours. */
export class SimulatedNode {
  readonly number: number
  readonly name: string
  readonly detector: Detector
  readonly neighbours: Set<number>
  readonly digests: Array<DigestMessage | undefined> = []
  /** What happened to it while it stood still. */
  readonly waiting: Array<() => void> = []
  /** When the timer that is set for it fires. */
  timerMs = Infinity
  /** A process that is killed breaks its connections. */
  state: 'running' | 'paused' | 'killed' | 'silent' = 'running'
  readonly #clockMs: number
  #sequence = 0

  constructor(number: number, neighbours: readonly number[], scenario: Scenario, random: SeededRandom) {
    this.number = number
    this.name = nameOf(number)
    this.neighbours = new Set(neighbours)
    // no two clocks agree
    this.#clockMs = random.integer(-300_000, 300_000)
    this.detector = createDetector({
      self: this.name,
      incarnation: firstIncarnation,
      settings: scenario.settings,
      random: random.next,
      nowMs: 0
    })
  }

  get isDown(): boolean {
    return this.state === 'killed' || this.state === 'silent'
  }

  /** Members that it holds to be there, itself included. */
  get present(): number {
    return 1 + this.detector.all().filter(({ state }) => state !== 'dead' && state !== 'left').length
  }

  /** Everybody is known, and neighbours are connected. */
  begin(nodes: number): void {
    for (let other = 0; other < nodes; other++) {
      if (other !== this.number)
        this.detector.handle({ is: 'learnt', peer: nameOf(other), incarnation: firstIncarnation }, 0)
    }
    for (const neighbour of this.neighbours) this.detector.handle({ is: 'connected', peer: nameOf(neighbour) }, 0)
  }

  makeDigest(nowMs: number, isLeaving = false): DigestMessage {
    const digest: DigestMessage = {
      is: 'digest',
      peer: this.name,
      incarnation: this.detector.incarnation,
      sequence: ++this.#sequence,
      timeMs: nowMs + this.#clockMs,
      neighbours: [...this.neighbours].map(nameOf),
      ...(isLeaving ? { isLeaving } : {})
    }
    this.digests[this.number] = digest
    return digest
  }

  keep(digest: DigestMessage): void {
    const known = this.digests[numberOf(digest.peer)]
    const isNewer =
      known === undefined ||
      digest.incarnation > known.incarnation ||
      (digest.incarnation === known.incarnation && digest.sequence > known.sequence)
    if (isNewer) this.digests[numberOf(digest.peer)] = digest
  }

  /** What a comparison with the other's view brings to light: the two name what differs and nothing else. */
  differences(other: SimulatedNode): { claims: Claim[]; digests: DigestMessage[] } {
    const claims: Claim[] = []
    const digests: DigestMessage[] = []
    for (const view of [...this.detector.all(), this.#ownView()]) {
      const there = other.name === view.peer ? other.#ownView() : other.detector.of(view.peer)
      if (there !== undefined && claimed(there) === claimed(view) && there.incarnation === view.incarnation) continue
      claims.push({ peerId: view.peer, state: claimed(view), incarnation: view.incarnation })
      const digest = this.digests[numberOf(view.peer)]
      const isOfUse = claimed(view) === 'alive' || view.incarnation > (there?.incarnation ?? 0)
      if (digest !== undefined && isOfUse) digests.push(digest)
    }
    return { claims, digests }
  }

  #ownView(): Pick<MemberView, 'peer' | 'state' | 'incarnation'> {
    return { peer: this.name, state: 'alive', incarnation: this.detector.incarnation }
  }
}

const claimed = ({ state }: Pick<MemberView, 'state'>): Claim['state'] => (state === 'unreachable' ? 'alive' : state)
