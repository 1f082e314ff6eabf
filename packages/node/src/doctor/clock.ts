import type { PeerDocument } from '@agent-mesh/wire/api'

/** How the clock of this machine stands to those of the members, as their digests tell them. */
export interface ClockReading {
  /** Alive members that have told their time. */
  members: number
  /**
   * How old the digest of the member in the middle is by the clock of this machine, in milliseconds: it waits for the next one, so
   * that anything up to `ordinaryMs` agrees. Below 0 this clock is behind by that much at least. Absent without members.
   */
  ageMs?: number
  ordinaryMs: number
  /** Absent without members. */
  isAgreeing?: boolean
}

/** Members are refused as skewed at a greater difference; this is when somebody should look. */
const clockMs = 2_000

/** @param nowMs - milliseconds since 1970 by the clock of this machine */
export const readClock = (peers: readonly PeerDocument[], nowMs: number): ClockReading => {
  const ages = peers
    .flatMap(({ health }) =>
      health?.digestMs === undefined || health.state !== 'alive' ? [] : [nowMs - health.digestMs]
    )
    .toSorted((a, b) => a - b)
  const ageMs = ages[Math.floor(ages.length / 2)]
  const ordinaryMs = 2 * Math.max(5_000, 150 * (peers.length + 1)) + clockMs
  if (ageMs === undefined) return { members: 0, ordinaryMs }
  return { members: ages.length, ageMs, ordinaryMs, isAgreeing: ageMs >= -clockMs && ageMs <= ordinaryMs }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

/** One sentence. */
export const clockText = ({ members, ageMs, isAgreeing }: ClockReading): string => {
  if (ageMs === undefined) return 'No member has told its time yet.'
  if (isAgreeing === true) return `It agrees with those of ${members} members.`
  return ageMs < 0
    ? `It is ${seconds(-ageMs)} behind the median of ${members} members, or more.`
    : `It may be ahead of the median of ${members} members by ${seconds(ageMs)}.`
}
