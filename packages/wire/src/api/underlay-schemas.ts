import { z } from 'zod'

/** Packets lost in one direction. */
export const loss = z.object({
  /** Of the packets counted, 0 to 1. */
  share: z.number(),
  packets: z.number().int(),
  /** Chance hardly explains it: the path is bad. */
  isLossy: z.boolean()
})

/** What UDP echoes with a member tell of the network below the mesh. */
export const underlay = z.object({
  /** `blocked`: nothing comes through over UDP. `unknown`: too early to say. */
  udp: z.enum(['works', 'blocked', 'unknown']),
  /** Absent until enough packets are known of. */
  out: loss.optional(),
  in: loss.optional(),
  rttMs: z.number().optional(),
  jitterMs: z.number().optional()
})

export type UnderlayDocument = z.infer<typeof underlay>
