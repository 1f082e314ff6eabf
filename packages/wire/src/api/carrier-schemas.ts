import { z } from 'zod'

/** A relay of another network that the configuration names, and how this node stands with it. */
export const carrier = z.object({
  peerId: z.string(),
  addresses: z.array(z.string()),
  /** `unused`: no place is wanted there, since members relay for this node or it is reached without. */
  state: z.enum(['held', 'asking', 'refused', 'unused']),
  /** Why it gave no place, what mends that, and when it is asked again, in milliseconds since 1970. */
  code: z.string().optional(),
  reason: z.string().optional(),
  hint: z.string().optional(),
  retryMs: z.number().optional(),
  /** Until when the place is held, in milliseconds since 1970. */
  untilMs: z.number().optional(),
  /** What it gives to each connection; absent where it names no limit. */
  limitBytes: z.number().optional(),
  limitSeconds: z.number().optional(),
  /** Connections through it that are open at this moment. */
  circuits: z.number().int()
})

/** The connection to a member that runs through one. */
export const carrierUse = z.object({
  peerId: z.string(),
  limitBytes: z.number().optional(),
  limitSeconds: z.number().optional(),
  usedBytes: z.number(),
  usedSeconds: z.number()
})

export type CarrierDocument = z.infer<typeof carrier>
export type CarrierUse = z.infer<typeof carrierUse>
