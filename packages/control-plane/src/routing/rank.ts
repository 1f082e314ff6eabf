import { comparePaths, type PathClass } from './path-class.ts'
import type { ErrorCode } from '@agent-mesh/wire'
import type { HealthState, NodeLoad, ServiceState } from '../health/interface.ts'

/** What is known of one candidate at this moment. What is absent is not known. */
export interface RankInput {
  peerId: string
  /** The service that answers is known, or none was asked for. */
  isAnswered: boolean
  /** There is an admitted connection. */
  isConnected: boolean
  /** One of the two refused the other's hello. */
  refusal?: { code: ErrorCode }
  /** What the policy that is held here says of the use that is wanted; the other node decides by its own. */
  policy?: { allowed: boolean; rule: string }
  health?: { state: HealthState; sinceMs: number; reason: string }
  /** What its node says of the service. */
  service?: { state: ServiceState; sinceMs: number; reason?: string }
  /** The last attempt failed. */
  failure?: { code: ErrorCode; atMs: number }
  path?: PathClass
  /** Measured by probes. */
  rttMs?: number
  /** How long a tunnel took to open; it orders equals alone, since more than the path goes into it. */
  openMs?: number
  load?: NodeLoad
  /** How much of the work it wants beside the others. Default: 1. */
  weight?: number
  /** When its record was issued. */
  issuedMs?: number
}

/** What candidates are compared by, in this order; `load` and `rtt` once roughly and once exactly. */
export type Dimension =
  | 'answer'
  | 'admission'
  | 'policy'
  | 'health'
  | 'service'
  | 'failure'
  | 'path'
  | 'rtt'
  | 'load'
  | 'weight'
  | 'record'
  | 'peer'

export interface Ranked<R extends RankInput> {
  candidate: R
  /** Why it stands here: one clause for people. */
  reason: string
  /** Those of one tier are as good as each other but for their load and weight; 0 is the best. */
  tier: number
  /** False for those that are dead, have left, or whose certificate was revoked: not worth an attempt. */
  isUsable: boolean
  /** Nothing speaks against it, wherever it stands. */
  isGood: boolean
  /** What put it behind the one before it; absent for the first. */
  behindBy?: Dimension
  /** The value of each dimension, in words. */
  values: Record<Exclude<Dimension, 'peer'>, string>
}

/** A failure counts for this long: about as long as a caller would remember it, and shorter than any record lives. */
const failureMs = 30_000
/** Upper ends of the classes of round trips: a country, an ocean, the world, and worse. Agents take longer to answer. */
const rttClassesMs = [50, 150, 500]
/**
 * What a round trip is taken for that nobody measured: of the best class. Otherwise the first agent that was used would
 * be the only one that ever is, since nobody measures the others.
 */
const assumedRttMs = 50
/**
 * Upper ends of the classes of event-loop lag. It is the worst of some seconds, and an agent that is well has one of some
 * hundred milliseconds now and then.
 */
const lagClassesMs = [500, 2_000]

const classOf = (value: number, ends: number[]): number => {
  const found = ends.findIndex((end) => value <= end)
  return found === -1 ? ends.length : found
}

/** Unknown stands between alive and suspect. */
const healthPlaces: Record<HealthState, number> = { alive: 0, suspect: 2, unreachable: 3, dead: 4, left: 5 }
const unknownHealthPlace = 1

const healthPlace = ({ health }: RankInput): number =>
  health === undefined ? unknownHealthPlace : healthPlaces[health.state]

/** A failure from before the peer came back says nothing any more. */
const hasFailed = ({ failure, health }: RankInput, nowMs: number): boolean =>
  failure !== undefined &&
  nowMs - failure.atMs < failureMs &&
  !(health?.state === 'alive' && health.sinceMs > failure.atMs)

const pathPlace = ({ isConnected, path }: RankInput): number => {
  if (!isConnected) return Infinity
  return path === undefined ? Number.MAX_SAFE_INTEGER : comparePaths(path, 'local')
}

const weightOf = ({ weight = 1 }: RankInput): number => weight
const rttOf = ({ rttMs = assumedRttMs }: RankInput): number => rttMs
const openOf = ({ rttMs, openMs = assumedRttMs }: RankInput): number => rttMs ?? openMs
const lagOf = ({ load }: RankInput): number => load?.eventLoopLagMs ?? 0

interface Step {
  dimension: Dimension
  /** Smaller is better. */
  place: (input: RankInput, nowMs: number) => number
}

/** Candidates that agree in all of these are of one tier. */
const coarse: Step[] = [
  { dimension: 'answer', place: ({ isAnswered }) => Number(!isAnswered) },
  { dimension: 'admission', place: ({ refusal }) => Number(refusal !== undefined) },
  { dimension: 'policy', place: ({ policy }) => Number(policy?.allowed === false) },
  { dimension: 'health', place: healthPlace },
  // No news of a service is not bad news: an agent without checks would never be used beside others that have them.
  { dimension: 'service', place: ({ service }) => Number(service?.state === 'failing') },
  { dimension: 'failure', place: (input, nowMs) => Number(hasFailed(input, nowMs)) },
  { dimension: 'path', place: pathPlace },
  { dimension: 'rtt', place: (input) => classOf(rttOf(input), rttClassesMs) },
  { dimension: 'load', place: (input) => classOf(lagOf(input), lagClassesMs) }
]

/** What orders those of one tier. */
const fine: Step[] = [
  { dimension: 'load', place: (input) => (input.load?.tunnels ?? 0) / weightOf(input) },
  { dimension: 'weight', place: (input) => -weightOf(input) },
  { dimension: 'rtt', place: openOf },
  { dimension: 'load', place: lagOf },
  { dimension: 'record', place: ({ issuedMs = 0 }) => -issuedMs }
]

const compareBy = (
  steps: Step[],
  a: RankInput,
  b: RankInput,
  nowMs: number
): { by: Dimension; sign: number } | undefined => {
  for (const { dimension, place } of steps) {
    const [left, right] = [place(a, nowMs), place(b, nowMs)]
    if (left !== right) return { by: dimension, sign: left < right ? -1 : 1 }
  }
  return undefined
}

const compare = (a: RankInput, b: RankInput, nowMs: number): { by: Dimension; sign: number } =>
  compareBy(coarse, a, b, nowMs) ??
  compareBy(fine, a, b, nowMs) ?? { by: 'peer', sign: a.peerId < b.peerId ? -1 : Number(a.peerId > b.peerId) }

const ago = (ms: number): string => (ms < 1_000 ? 'just now' : `${Math.round(ms / 1_000)} s ago`)
const since = (ms: number): string => `for ${Math.round(Math.max(0, ms) / 1_000)} s`
const round = (ms: number): string => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)))
const because = (reason: string | undefined): string => (reason === undefined || reason === '' ? '' : `: ${reason}`)

const valuesOf = (input: RankInput, nowMs: number): Ranked<RankInput>['values'] => {
  const { isAnswered, isConnected, refusal, policy, health, service, failure, path, load, issuedMs } = input
  const rttMs = input.rttMs ?? input.openMs
  return {
    answer: isAnswered ? 'yes' : 'no service answers it',
    admission: refusal === undefined ? (isConnected ? 'admitted' : 'certified') : `refused (${refusal.code})`,
    policy: policy === undefined ? 'not asked' : `${policy.allowed ? 'allowed' : 'denied'} by ${policy.rule}`,
    health:
      health === undefined ? 'unknown' : `${health.state} ${since(nowMs - health.sinceMs)}${because(health.reason)}`,
    service:
      service === undefined || service.state === 'unchecked'
        ? 'unchecked'
        : `${service.state} ${since(nowMs - service.sinceMs)}${because(service.reason)}`,
    failure: failure !== undefined && hasFailed(input, nowMs) ? `${failure.code} ${ago(nowMs - failure.atMs)}` : 'none',
    path: isConnected ? (path ?? 'connected') : 'not connected',
    rtt: rttMs === undefined ? 'unknown' : `${round(rttMs)} ms${input.rttMs === undefined ? ' to open' : ''}`,
    load:
      load === undefined
        ? 'unknown'
        : `${load.tunnels} ${load.tunnels === 1 ? 'tunnel' : 'tunnels'}, lag ${round(load.eventLoopLagMs)} ms`,
    weight: String(weightOf(input)),
    record: issuedMs === undefined ? 'none' : ago(Math.max(0, nowMs - issuedMs))
  }
}

/** The values that are worth a word to somebody who did not ask for all of them. */
const reasonOf = (input: RankInput, nowMs: number): string => {
  const { isAnswered, isConnected, refusal, policy, health, service, path, load, issuedMs } = input
  const values = valuesOf(input, nowMs)
  const rtt = input.rttMs === undefined && input.openMs === undefined ? '' : `, ${values.rtt}`
  const isNotable: Array<[boolean, string]> = [
    [health !== undefined && health.state !== 'alive', values.health],
    [refusal !== undefined, values.admission],
    [policy?.allowed === false, values.policy],
    [service?.state === 'failing', `its service is ${values.service}`],
    [true, isConnected ? `connected${path === undefined ? '' : ` (${path})`}${rtt}` : `not connected${rtt}`],
    [load !== undefined && (load.tunnels > 0 || load.eventLoopLagMs > (lagClassesMs[0] ?? 0)), values.load],
    [weightOf(input) !== 1, `weight ${values.weight}`],
    [issuedMs !== undefined, `record of ${values.record}`],
    [hasFailed(input, nowMs), values.failure],
    [!isAnswered, values.answer]
  ]
  return isNotable
    .filter(([isTold]) => isTold)
    .map(([, text]) => text)
    .join('; ')
}

const isUsable = ({ health, refusal }: RankInput): boolean =>
  health?.state !== 'dead' && health?.state !== 'left' && refusal?.code !== 'REVOKED'

const isGood = (input: RankInput, nowMs: number): boolean =>
  healthPlace(input) <= unknownHealthPlace &&
  coarse
    .filter(({ dimension }) => ['answer', 'admission', 'policy', 'service', 'failure'].includes(dimension))
    .every(({ place }) => place(input, nowMs) === 0)

/**
 * Best first: those that can answer, that nobody refused, that the policy allows, that are alive, whose service works,
 * that did not fail just now, over the better path, with the lower round trip, less lag, fewer tunnels for their weight;
 * the peer id settles the rest, so that the order never depends on arrival.
 *
 * It is lexicographic over one number for each dimension, so that whoever gets better in one of them never stands worse.
 */
export const rank = <R extends RankInput>(inputs: R[], nowMs: number): Array<Ranked<R>> => {
  const sorted = inputs.toSorted((a, b) => compare(a, b, nowMs).sign)
  let tier = 0
  return sorted.map((candidate, index) => {
    const before = sorted[index - 1]
    if (before !== undefined && compareBy(coarse, before, candidate, nowMs) !== undefined) tier += 1
    return {
      candidate,
      tier,
      reason: reasonOf(candidate, nowMs),
      isUsable: isUsable(candidate),
      isGood: isUsable(candidate) && isGood(candidate, nowMs),
      values: valuesOf(candidate, nowMs),
      ...(before === undefined ? {} : { behindBy: compare(before, candidate, nowMs).by })
    }
  })
}
