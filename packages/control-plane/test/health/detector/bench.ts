import {
  createDetector,
  detectorPresets,
  type Detector,
  type DetectorAction,
  type DetectorEvent
} from '../../../src/health/detector/index.ts'
import type { DetectorSettings } from '../../../src/health/detector/index.ts'

export const lan = detectorPresets.lan

/** One detector on a clock that is moved by hand, and all that it wanted done. */
export class Bench {
  readonly detector: Detector
  readonly actions: DetectorAction[] = []
  nowMs = 0

  constructor({ settings = lan, incarnation = 1 }: { settings?: DetectorSettings; incarnation?: number } = {}) {
    // the first turn comes at once, nothing is shuffled away from its place
    this.detector = createDetector({ self: 'me', incarnation, settings, random: () => 0, nowMs: 0 })
  }

  tell(event: DetectorEvent): DetectorAction[] {
    const actions = this.detector.handle(event, this.nowMs)
    this.actions.push(...actions)
    return actions
  }

  /** Every tick comes when it is due; neighbours that answer do so at once. */
  run(forMs: number, { answering = [] }: { answering?: readonly string[] } = {}): DetectorAction[] {
    const untilMs = this.nowMs + forMs
    const since = this.actions.length
    while (this.detector.nextAtMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.detector.nextAtMs())
      const actions = this.detector.tick(this.nowMs)
      this.actions.push(...actions)
      for (const action of actions) {
        if (action.do !== 'probe' || !answering.includes(action.peer)) continue
        this.tell({ is: 'ack', peer: action.peer, sequence: action.sequence, claims: [] })
      }
    }
    this.nowMs = untilMs
    return this.actions.slice(since)
  }

  /** What was wanted of one kind. */
  wanted<D extends DetectorAction['do']>(kind: D, from = this.actions): Array<Extract<DetectorAction, { do: D }>> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the filter says so
    return from.filter((action) => action.do === kind) as Array<Extract<DetectorAction, { do: D }>>
  }

  stateOf(peer: string): string | undefined {
    return this.detector.of(peer)?.state
  }

  /** Strangers to whom this node has no connection. */
  learn(...peers: string[]): this {
    for (const peer of peers) this.tell({ is: 'learnt', peer, incarnation: 1 })
    return this
  }

  connect(...peers: string[]): this {
    this.learn(...peers)
    for (const peer of peers) this.tell({ is: 'connected', peer })
    return this
  }

  accuse(
    by: string,
    about: string,
    { state = 'suspect', incarnation = 1, isFirstHand = true }: Accusation = {}
  ): DetectorAction[] {
    return this.tell({ is: 'claims', by, claims: [{ peerId: about, state, incarnation }], isFirstHand })
  }
}

interface Accusation {
  state?: 'suspect' | 'dead' | 'left' | 'alive'
  incarnation?: number
  isFirstHand?: boolean
}
