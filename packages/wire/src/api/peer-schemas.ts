import { z } from 'zod'

/** `unreachable`: not from here, but others reach it. `left`: it said goodbye. */
export const healthState = z.enum(['alive', 'suspect', 'unreachable', 'dead', 'left'])

/** What is known here of the health of a member. */
export const peerHealth = z.object({
  state: healthState,
  /** Since when, by the clock here. */
  sinceMs: z.number(),
  /** Who or what says so, for people. */
  reason: z.string(),
  /** Mean difference of two round trips in a row. */
  jitterMs: z.number().optional(),
  /** Share of the probes that were lost, 0 to 1; absent where nothing can tell. */
  loss: z.number().optional(),
  /** Packets pass in one direction alone. */
  isAsymmetric: z.boolean().optional(),
  /** As it said last of itself. */
  load: z.object({ eventLoopLagMs: z.number(), tunnels: z.number().int() }).optional()
})

/** Words that a command line may hold, as this node knows them; for shells. */
export const vocabulary = z.object({
  members: z.array(z.object({ peerId: z.string(), name: z.string() })),
  groups: z.array(z.string()),
  /** Paths in use, with what they are a part of. */
  capabilities: z.array(z.string()),
  /** Of this node. */
  services: z.array(z.string()),
  /** `<name>/<service>` of other agents. */
  targets: z.array(z.string()),
  /** Local addresses. */
  forwards: z.array(z.string())
})

export type PeerHealthDocument = z.infer<typeof peerHealth>
export type Vocabulary = z.infer<typeof vocabulary>
