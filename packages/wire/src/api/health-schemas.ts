import { z } from 'zod'

export const healthState = z.enum(['alive', 'suspect', 'unreachable', 'dead', 'left'])

/** What is known of the health of a member. */
export const peerHealth = z.object({
  state: healthState,
  sinceMs: z.number(),
  /** Who or what says so. */
  reason: z.string(),
  /** Its messages arrive here, and those to it get no answer. */
  isAsymmetric: z.boolean(),
  /** Measured by probes from here; absent where the two are not connected. */
  rttMs: z.number().optional(),
  jitterMs: z.number().optional(),
  /** Of the last 64 probes, those that found no answer in time. */
  stalls: z.number().int().optional(),
  /** For how long no probe was answered; absent where the last one was. */
  stalledMs: z.number().optional(),
  /** Share of lost packets to it, by UDP echoes; absent until enough were counted. */
  loss: z.number().optional(),
  /** The same of those from it. */
  lossIn: z.number().optional(),
  /** When its last digest was made, by its own clock; absent where none came yet, as the rest. */
  digestMs: z.number().optional(),
  load: z.object({ eventLoopLagMs: z.number(), tunnels: z.number().int() }).optional(),
  services: z
    .array(
      z.object({
        name: z.string(),
        state: z.enum(['healthy', 'failing', 'unchecked']),
        sinceMs: z.number(),
        reason: z.string().optional(),
        weight: z.number()
      })
    )
    .optional()
})

/** Members by their state, this node not counted. */
export const healthCounts = z.object({
  alive: z.number().int(),
  suspect: z.number().int(),
  unreachable: z.number().int(),
  dead: z.number().int(),
  left: z.number().int()
})

export type PeerHealthDocument = z.infer<typeof peerHealth>
export type HealthCounts = z.infer<typeof healthCounts>
