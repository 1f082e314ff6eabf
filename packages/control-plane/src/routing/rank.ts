import { comparePaths, type PathClass } from './path-class.ts'
import type { ErrorCode } from '@agent-mesh/wire'

/** What is known of one candidate at this moment; health, policy and load join here. */
export interface RankInput {
  peerId: string
  /** The service that answers is known, or none was asked for. */
  isAnswered: boolean
  /** There is an admitted connection. */
  isConnected: boolean
  path?: PathClass
  rttMs?: number
  /** The last attempt failed. */
  failure?: { code: ErrorCode; atMs: number }
  /** When its record was issued. */
  issuedMs?: number
}

export interface Ranked<R extends RankInput> {
  candidate: R
  /** Why it stands here: one clause for people. */
  reason: string
}

/** A failure counts for this long: about as long as a caller would remember it, and shorter than any record lives. */
const failureMs = 30_000

const ago = (ms: number): string => (ms < 1_000 ? 'just now' : `${Math.round(ms / 1_000)} s ago`)

const hasFailed = ({ failure }: RankInput, nowMs: number): boolean =>
  failure !== undefined && nowMs - failure.atMs < failureMs

const reasonOf = (input: RankInput, nowMs: number): string => {
  const rtt =
    input.rttMs === undefined ? '' : `, ${input.rttMs < 10 ? input.rttMs.toFixed(1) : Math.round(input.rttMs)} ms`
  const parts = [
    input.isConnected ? `connected${input.path === undefined ? '' : ` (${input.path})`}${rtt}` : `not connected${rtt}`,
    ...(input.issuedMs === undefined ? [] : [`record of ${ago(Math.max(0, nowMs - input.issuedMs))}`]),
    ...(hasFailed(input, nowMs) && input.failure !== undefined
      ? [`${input.failure.code} ${ago(nowMs - input.failure.atMs)}`]
      : []),
    ...(input.isAnswered ? [] : ['no service answers it'])
  ]
  return parts.join('; ')
}

const first = (isA: boolean, isB: boolean): number => Number(isB) - Number(isA)

/**
 * Best first: those that can answer, that did not fail just now, that are connected, over the better path, with the
 * lower round trip, with the newer record; the peer id settles the rest, so that the order never depends on arrival.
 */
export const rank = <R extends RankInput>(inputs: R[], nowMs: number): Array<Ranked<R>> =>
  inputs
    .toSorted(
      (a, b) =>
        first(a.isAnswered, b.isAnswered) ||
        first(!hasFailed(a, nowMs), !hasFailed(b, nowMs)) ||
        first(a.isConnected, b.isConnected) ||
        (a.path !== undefined && b.path !== undefined ? comparePaths(a.path, b.path) : 0) ||
        (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity) ||
        (b.issuedMs ?? 0) - (a.issuedMs ?? 0) ||
        (a.peerId < b.peerId ? -1 : 1)
    )
    .map((candidate) => ({ candidate, reason: reasonOf(candidate, nowMs) }))
