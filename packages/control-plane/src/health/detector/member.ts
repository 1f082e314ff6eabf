import type { HealthState } from '../interface.ts'
import { DigestClock } from './digest-clock.ts'
import type { FalseAlarms } from './false-alarms.ts'
import type { MemberView } from './interface.ts'
import { Reach } from './reach.ts'
import type { DetectorSettings } from './settings.ts'
import type { Suspicion } from './suspicion.ts'

/** What the members of the network hold of one of them, as it is known here. */
export type Verdict =
  | { is: 'alive' }
  | { is: 'suspect'; suspicion: Suspicion }
  | { is: 'dead'; sinceMs: number }
  | { is: 'left' }

export interface Member {
  readonly peer: string
  verdict: Verdict
  /** Stated by the member itself; 0 until it did. */
  incarnation: number
  /** The life that somebody accused; it is to hear of that until it states a newer one. */
  accusedIncarnation: number
  /** The life in which it was held dead here, though it lived a newer one; it is to hear of that once. */
  buriedIncarnation: number | undefined
  isConnected: boolean
  readonly reach: Reach
  /** Something came from it on its own connection. */
  heardMs: number
  /** It certainly lived at this time: somebody else reached it, it refuted, or it made a digest then. */
  provenMs: number
  /** When it was last taken back among the living. */
  revivedMs: number
  /** News of it came at all; for silence. */
  signMs: number
  isAsymmetric: boolean
  readonly clock: DigestClock
  neighbours: readonly string[]
  /** Undefined until the first. */
  falseAlarms: FalseAlarms | undefined
  shown: { state: HealthState; sinceMs: number; reason: string; isAsymmetric: boolean } | undefined
}

export const createMember = (peer: string, settings: DetectorSettings, nowMs: number): Member => ({
  peer,
  verdict: { is: 'alive' },
  incarnation: 0,
  accusedIncarnation: -1,
  buriedIncarnation: undefined,
  isConnected: false,
  reach: new Reach(settings),
  heardMs: -Infinity,
  provenMs: -Infinity,
  revivedMs: -Infinity,
  signMs: nowMs,
  isAsymmetric: false,
  clock: new DigestClock(),
  neighbours: [],
  falseAlarms: undefined,
  shown: undefined
})

/** What others can say of a member and what this node sees of it make one state. */
export const stateOf = ({ verdict, reach }: Member): HealthState =>
  verdict.is === 'alive' && reach.isLost ? 'unreachable' : verdict.is

export const viewOf = ({ peer, incarnation, shown }: Member): MemberView | undefined =>
  shown === undefined ? undefined : { peer, incarnation, ...shown }

/** Whether the member is part of what the mesh counts. */
export const isPresent = ({ verdict }: Member): boolean => verdict.is === 'alive' || verdict.is === 'suspect'
