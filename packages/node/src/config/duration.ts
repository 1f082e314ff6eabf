import { z } from 'zod'
import { formatDuration, parseDuration } from './units.ts'

/** A setting such as `500ms` or `10m`, in milliseconds. */
export const duration = (leastMs: number, mostMs: number) =>
  z.unknown().transform((value, context) => {
    const ms = typeof value === 'string' ? parseDuration(value) : undefined
    if (ms === undefined) {
      context.addIssue({
        code: 'custom',
        message: `a duration needs a number and a unit (ms, s, m, h, d)${typeof value === 'number' ? `: did you mean ${value}s?` : ''}`
      })
      return z.NEVER
    }
    if (ms < leastMs || ms > mostMs) {
      context.addIssue({
        code: 'custom',
        message: `it must be between ${formatDuration(leastMs)} and ${formatDuration(mostMs)}`
      })
      return z.NEVER
    }
    return ms
  })
