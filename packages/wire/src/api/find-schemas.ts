import { z } from 'zod'

/** Documents of the local API about finding agents. */

export const pathClass = z.enum(['local', 'direct', 'punched', 'webrtc', 'relayed'])

/** What a candidate is ranked by, the most important first, each value in words. */
export const rankDimensions = [
  'answer',
  'admission',
  'policy',
  'health',
  'service',
  'failure',
  'path',
  'rtt',
  'load',
  'weight',
  'record'
] as const

/** Where a candidate stands among the others. */
export const standing = z.object({
  /** Those of one tier share the work; 0 is the best. */
  tier: z.number().int(),
  /** False: it is not tried, because it is dead, has left, or was revoked. */
  isUsable: z.boolean(),
  weight: z.number(),
  /** What put it behind the one before it; `peer` where nothing else did. */
  behindBy: z.string().optional(),
  values: z.record(z.enum(rankDimensions), z.string())
})

export const candidate = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  groups: z.array(z.string()),
  capabilities: z.array(z.string()),
  services: z.array(z.object({ name: z.string(), kind: z.string(), capabilities: z.array(z.string()) })),
  /** The service that answers what was asked for. */
  service: z.string().optional(),
  /** Absent where no connection is open. */
  path: pathClass.optional(),
  addresses: z.array(z.string()),
  reason: z.string(),
  recordExpiresMs: z.number(),
  standing: standing.optional()
})

export const findRequest = z.strictObject({
  /** A capability path, a member name, a peer id, or `cap:<path>`. */
  query: z.string(),
  limit: z.number().int().positive().max(256).default(32),
  timeoutMs: z.number().int().positive().max(60_000).optional()
})
export const findResponse = z.object({
  candidates: z.array(candidate),
  /** Agents that offer it and cannot be used, each with its reason. */
  leftOut: z.array(candidate),
  suggestions: z.array(z.string()),
  elapsedMs: z.number()
})

export type CandidateDocument = z.infer<typeof candidate>
export type FindRequest = z.input<typeof findRequest>
export type FindResponse = z.infer<typeof findResponse>
