import { limits, printable } from '@agent-mesh/wire'
import type { CheckSettings } from './settings.ts'

/** What one check saw. */
export type CheckResult = { isOk: true } | { isOk: false; reason: string }

/** What the checks of a service say so far. */
export interface CheckVerdict {
  /** `unchecked` until the first check that passes, or as many failed ones as it takes. */
  state: 'healthy' | 'failing' | 'unchecked'
  /** Since when, in milliseconds since 1970. */
  sinceMs: number
  /** Why it is failing; bounded. */
  reason?: string
  /** Checks in a row that contradict the state. */
  against: number
}

export const unchecked = (nowMs: number): CheckVerdict => ({ state: 'unchecked', sinceMs: nowMs, against: 0 })

/** A service that failed has to pass this often in a row, so that one which comes and goes is not taken back at once. */
const passesToRecover = 2
/** While checks contradict the state, the next one comes this soon. */
const doubtIntervalMs = 1_000

/** Text of a reason that goes to other members: printable, and cut. */
export const boundedReason = (text: string): string => printable(text, limits.checkReasonLength)

/**
 * The verdict after one more check. Failing takes `threshold` failed checks in a row; back to healthy takes two passes,
 * or one where `threshold` is one or nothing was known.
 */
export const nextVerdict = (
  before: CheckVerdict,
  result: CheckResult,
  { threshold }: Pick<CheckSettings, 'threshold'>,
  nowMs: number
): CheckVerdict => {
  if (result.isOk) {
    if (before.state === 'healthy') return { ...before, against: 0 }
    const against = before.state === 'failing' ? before.against + 1 : 0
    if (before.state === 'failing' && against < Math.min(passesToRecover, threshold)) return { ...before, against }
    return { state: 'healthy', sinceMs: nowMs, against: 0 }
  }
  const reason = boundedReason(result.reason)
  if (before.state === 'failing') return { ...before, reason, against: 0 }
  const against = before.against + 1
  return against < threshold ? { ...before, against } : { state: 'failing', sinceMs: nowMs, reason, against: 0 }
}

/**
 * From the end of a check to the next one. A tenth more or less keeps the checks of many nodes and services apart.
 * @param random - at least 0, below 1
 */
export const delayMs = (
  { against }: CheckVerdict,
  { intervalMs }: Pick<CheckSettings, 'intervalMs'>,
  random: number
): number => Math.round((against > 0 ? Math.min(doubtIntervalMs, intervalMs) : intervalMs) * (0.9 + 0.2 * random))
