import { z } from 'zod'
import { parseSize } from './units.ts'

/** A setting such as `64KiB` or `1GiB`, in bytes. */
export const size = (leastText: string, mostText: string) =>
  z.unknown().transform((value, context) => {
    const bytes = typeof value === 'string' ? parseSize(value) : undefined
    if (bytes !== undefined && bytes >= (parseSize(leastText) ?? 0) && bytes <= (parseSize(mostText) ?? 0)) return bytes
    context.addIssue({
      code: 'custom',
      message:
        bytes === undefined
          ? 'a size needs a whole number and a unit (B, KiB, MiB, GiB)'
          : `it must be between ${leastText} and ${mostText}`
    })
    return z.NEVER
  })
