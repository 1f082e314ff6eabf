import { z } from 'zod'
import { limits } from '../limits.ts'

/** Documents of the local API about what a node serves. */

export const serviceKind = z.enum(['http', 'grpc', 'tcp', 'ssh', 'stdio'])

/** How a service is checked; what is absent is left to the defaults. */
export const checkRequest = z.strictObject({
  /** `connect`, `http:<path>`, `grpc`, `grpc:<service>` or `none`. */
  kind: z.string().optional(),
  intervalMs: z.number().int().min(limits.checkIntervalLeastMs).max(limits.checkIntervalMostMs).optional(),
  timeoutMs: z.number().int().min(100).max(60_000).optional(),
  /** Failed checks in a row after which the service is failing. */
  threshold: z.number().int().min(1).max(limits.checkThreshold).optional()
})

/** How a service is checked; `none` has no times. */
export const check = z.object({
  kind: z.string(),
  intervalMs: z.number().optional(),
  timeoutMs: z.number().optional(),
  threshold: z.number().optional()
})

/** What the active checks of a service say. */
export const serviceHealth = z.object({
  state: z.enum(['healthy', 'failing', 'unchecked']),
  sinceMs: z.number(),
  reason: z.string().optional()
})

/** A local endpoint that this node offers. */
export const service = z.object({
  name: z.string(),
  kind: serviceKind,
  /** As typed: `http://127.0.0.1:8000`, `unix:/run/x.sock`. */
  address: z.string(),
  capabilities: z.array(z.string()),
  /** Whom `serve --allow` named; absent where it named nobody. */
  allow: z.array(z.string()).optional(),
  /** Who may open it, in words. */
  rule: z.string().optional(),
  /** How much of the work it wants, beside others that offer the same. */
  weight: z.number().int().optional(),
  /** It reads a header of the PROXY protocol first, version 2. */
  proxyProtocol: z.boolean().optional(),
  check: check.optional(),
  /** Absent where it is not checked. */
  health: serviceHealth.optional()
})

export const serveRequest = z.strictObject({
  /** `http://127.0.0.1:8000`, `grpc://…`, `tcp://…`, `ssh://…`, `unix:/path`. */
  address: z.string(),
  capabilities: z.array(z.string()).default([]),
  /** Peer ids, member names, `group:<name>`, `members`. Absent: what is replaced keeps its list, others have none. */
  allow: z.array(z.string()).min(1).optional(),
  /** As `allow`, each part of it. */
  check: checkRequest.optional(),
  /** As `allow`; otherwise 1. */
  weight: z.number().int().min(1).max(limits.serviceWeight).optional(),
  /** As `allow`; otherwise false. */
  proxyProtocol: z.boolean().optional(),
  replace: z.boolean().default(false)
})

export type CheckRequest = z.input<typeof checkRequest>
export type CheckDocument = z.infer<typeof check>
export type ServiceHealthDocument = z.infer<typeof serviceHealth>
export type ServiceDocument = z.infer<typeof service>
export type ServeRequest = z.input<typeof serveRequest>
