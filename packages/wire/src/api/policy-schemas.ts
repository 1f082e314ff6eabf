import { z } from 'zod'

/** A policy to look at: the file itself, or what `policy sign` made of it. `file` is its name for messages. */
export const policyRequest = z.union([
  z.strictObject({ file: z.string().max(1024), source: z.string() }),
  z.strictObject({ file: z.string().max(1024), signed: z.base64() })
])

export const policyCheckResponse = z.object({
  groups: z.number().int(),
  grants: z.number().int(),
  tests: z.number().int(),
  warnings: z.array(z.string())
})

export const policySignResponse = z.object({
  /** For the next admin, or to be pushed. */
  signed: z.base64(),
  version: z.number().int(),
  /** Peer ids of those who have signed. */
  signers: z.array(z.string()),
  signaturesNeeded: z.number().int(),
  warnings: z.array(z.string())
})

export const policyPushResponse = z.object({
  version: z.number().int(),
  hash: z.string(),
  warnings: z.array(z.string())
})

/** The policy in force; version 0 is none. */
export const policyDocument = z.object({
  state: z.enum(['none', 'awaited', 'damaged', 'held']),
  version: z.number().int(),
  /** SHA-256 of what was signed, hexadecimal. */
  hash: z.string().optional(),
  issuedMs: z.number().optional(),
  signers: z.array(z.object({ peerId: z.string(), name: z.string() })),
  source: z.string().optional(),
  grantCount: z.number().int().optional(),
  /** Another policy of this version is known. */
  hasFork: z.boolean(),
  warnings: z.array(z.string())
})

/** Who holds which version, and how long the one in force took to reach everybody who is connected. */
export const policyStatus = policyDocument.omit({ source: true }).extend({
  holders: z.array(
    z.object({
      peer: z.string(),
      name: z.string().optional(),
      version: z.number().int(),
      isCurrent: z.boolean(),
      sinceMs: z.number().optional()
    })
  ),
  convergedMs: z.number().optional()
})

export type PolicyRequest = z.input<typeof policyRequest>
export type PolicyCheckResponse = z.infer<typeof policyCheckResponse>
export type PolicySignResponse = z.infer<typeof policySignResponse>
export type PolicyPushResponse = z.infer<typeof policyPushResponse>
export type PolicyDocument = z.infer<typeof policyDocument>
export type PolicyStatusDocument = z.infer<typeof policyStatus>
