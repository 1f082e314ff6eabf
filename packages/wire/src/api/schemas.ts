import { z } from 'zod'
import { carrier, carrierUse } from './carrier-schemas.ts'
import { pathClass } from './find-schemas.ts'
import { healthCounts, peerHealth } from './health-schemas.ts'
import { tcpCounters, underlay } from './underlay-schemas.ts'
import { proxy } from './proxy-schemas.ts'
import { service, serviceKind } from './service-schemas.ts'

export * from './carrier-schemas.ts'
export * from './find-schemas.ts'
export * from './health-schemas.ts'
export * from './netcheck-schemas.ts'
export * from './underlay-schemas.ts'
export * from './policy-schemas.ts'
export * from './service-schemas.ts'
export * from './vocabulary-schemas.ts'
export * from './proxy-schemas.ts'

/**
 * Documents of the local API. Times are milliseconds since 1970, durations milliseconds; peer ids base58.
 * Responses may grow fields in a later version; requests refuse what they do not know.
 */

/** RFC 9457 problem document; `code` is a key of `errorKinds`. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  layer: z.string(),
  hint: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional()
})

/** What became of a publication. */
export const publication = z.object({
  /** Other members that confirmed that they hold the record. */
  storedBy: z.number().int(),
  untilMs: z.number(),
  sequence: z.number().int(),
  capabilities: z.array(z.string()),
  /** Set where nobody stored it yet: it is tried again by itself. */
  pending: z.object({ code: z.string(), reason: z.string() }).optional()
})

export const serveResponse = z.object({ service, publication: publication.optional() })

export const unserveResponse = z.object({ name: z.string() })

export const publishRequest = z.strictObject({ capability: z.string(), service: z.string().optional() })
export const publishResponse = z.object({
  capability: z.string(),
  service: z.string().optional(),
  publication,
  /** Paths that others use and that differ by a letter or two. */
  suggestions: z.array(z.string())
})

export const peer = z.object({
  peerId: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  state: z.enum(['connected', 'known']),
  path: pathClass.optional(),
  /** Why the path is not better; absent where none would be. */
  pathReason: z.string().optional(),
  /** Where the path runs through a relay of another network, which limits it. */
  carrier: carrierUse.optional(),
  direction: z.enum(['inbound', 'outbound']).optional(),
  addresses: z.array(z.string()),
  rttMs: z.number().optional(),
  sinceMs: z.number(),
  tunnels: z.number().int(),
  /** Payload of tunnels with it since the start, those included that have ended. */
  bytesIn: z.number().optional(),
  bytesOut: z.number().optional(),
  /** Of its connection over TCP; absent where the kernel does not show them. */
  tcp: tcpCounters.optional(),
  /** Absent where the path is not watched by UDP echoes. */
  underlay: underlay.optional(),
  /** Absent where nobody watches it yet. */
  health: peerHealth.optional()
})
export const peersResponse = z.object({ peers: z.array(peer) })

export const dialRequest = z.strictObject({
  target: z.string(),
  timeoutMs: z.number().int().positive().max(60_000).optional(),
  /** Whether an attempt at a better path is made soon. */
  isWaitingForBetter: z.boolean().optional()
})
export const dialResponse = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  path: pathClass,
  pathReason: z.string().optional(),
  rttMs: z.number(),
  addresses: z.array(z.string())
})

export const forwardRequest = z.strictObject({
  listen: z.string(),
  target: z.string(),
  foreground: z.boolean().default(false)
})
export const forward = z.object({
  id: z.string(),
  /** The address that is bound, with the port that was chosen. */
  listen: z.string(),
  target: z.string(),
  /** Of the service behind it, where the record of its agent says so. */
  kind: serviceKind.optional(),
  isPersistent: z.boolean(),
  openTunnels: z.number().int(),
  totalTunnels: z.number().int(),
  lastError: z.object({ code: z.string(), message: z.string(), atMs: z.number() }).optional()
})
export const forwardsResponse = z.object({ forwards: z.array(forward) })
export const servicesResponse = z.object({ services: z.array(service) })

export const inviteRequest = z.strictObject({
  lifetimeMs: z
    .number()
    .int()
    .positive()
    .max(30 * 24 * 3_600_000)
    .optional(),
  uses: z.number().int().positive().max(10_000).optional(),
  groups: z.array(z.string()).optional(),
  /** The members that join with it are not renewed, and last so long. */
  ephemeralMs: z
    .number()
    .int()
    .min(60_000)
    .max(30 * 24 * 3_600_000)
    .optional(),
  /** The members that join with it may admit others, into their own groups. */
  mayAdmit: z.boolean().optional()
})
/** `expires` is ISO 8601. */
export const inviteResponse = z.object({
  ticket: z.string(),
  expires: z.string(),
  uses: z.number().int(),
  groups: z.array(z.string()),
  network: z.string()
})

export const networkInfo = z.object({
  network: z.string(),
  rootKey: z.string(),
  peerId: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  mayAdmit: z.boolean(),
  hasRootKey: z.boolean(),
  certificate: z.object({
    serial: z.string(),
    notBefore: z.string(),
    notAfter: z.string(),
    issuer: z.string(),
    isIssuedByRoot: z.boolean()
  })
})

export const revokeRequest = z.strictObject({
  /** A name, a peer id, or the serial of one certificate. */
  who: z.string().min(1).max(256),
  reason: z.string().max(200).optional()
})
export const revocation = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  /** Absent: every certificate of the peer that began before `revoked`. */
  serial: z.string().optional(),
  reason: z.string(),
  /** ISO 8601, as `until`: then what it revokes has ended by itself. */
  revoked: z.string(),
  until: z.string(),
  by: z.string(),
  right: z.enum(['root', 'admin', 'delegate']),
  /** Who goes on in the place of the peer. */
  successor: z.string().optional()
})
export const revocationsResponse = z.object({ revocations: z.array(revocation) })

export const renewResponse = z.object({
  serial: z.string(),
  notAfter: z.string(),
  issuer: z.string(),
  isIssuedByRoot: z.boolean()
})

export const rotateResponse = z.object({ oldPeerId: z.string(), newPeerId: z.string() })

export const signRequest = z.strictObject({
  /** What `mesh-node cert request` printed. */
  request: z.string().max(16_384),
  name: z.string().optional(),
  groups: z.array(z.string()).optional(),
  mayAdmit: z.boolean().optional(),
  /** It is not renewed, and lasts so long. */
  ephemeralMs: z
    .number()
    .int()
    .min(60_000)
    .max(30 * 24 * 3_600_000)
    .optional()
})
export const signResponse = z.object({
  certificate: z.string(),
  peerId: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  serial: z.string(),
  notAfter: z.string()
})

export const whoisResponse = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  groups: z.array(z.string()),
  service: z.string(),
  path: pathClass,
  sinceMs: z.number()
})

export const setting = z.object({
  key: z.string(),
  value: z.string(),
  source: z.enum(['flag', 'environment', 'file', 'state', 'default'])
})

export const status = z.object({
  version: z.string(),
  pid: z.number().int(),
  startedMs: z.number(),
  stateDir: z.string(),
  network: networkInfo,
  addresses: z.array(z.string()),
  peers: z.object({ connected: z.number().int(), known: z.number().int(), routingTable: z.number().int() }),
  health: healthCounts.optional(),
  /** Connected members by the path to each. */
  paths: z.partialRecord(pathClass, z.number().int()).optional(),
  /** Relays of other networks that the configuration names; absent where it names none. */
  carriers: z.array(carrier).optional(),
  publication: publication.optional(),
  services: z.array(service),
  capabilities: z.array(z.object({ capability: z.string(), service: z.string().optional() })),
  forwards: z.array(forward),
  proxies: z.array(proxy),
  tunnels: z.object({ open: z.number().int(), total: z.number().int(), bytesIn: z.number(), bytesOut: z.number() }),
  settings: z.array(setting),
  warnings: z.array(z.object({ code: z.string(), message: z.string(), hint: z.string() }))
})

export const pingResponse = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  path: pathClass,
  pathReason: z.string().optional(),
  rttMs: z.number()
})

/** The node answers this and then stops; it is gone when its socket and its process are. */
export const shutdownResponse = z.object({ pid: z.number().int() })

/** An OpenAPI 3.1 document. */
export const openApiResponse = z.looseObject({ openapi: z.string() })

/** One event of `GET /v1/events`. */
export const nodeEvent = z.object({
  event: z.string(),
  atMs: z.number(),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
})

export const whyRequest = z.strictObject({
  /** `<name>[/service]`, `<peer id>[/service]` or `cap:<path>`. */
  target: z.string(),
  /** Judges for this member instead, where the target is this node: name or peer id. */
  from: z.string().optional(),
  timeoutMs: z.number().int().positive().max(60_000).optional()
})

export const whyStep = z.object({
  layer: z.string(),
  verdict: z.enum(['ok', 'failed', 'skipped', 'unknown']),
  text: z.string(),
  code: z.string().optional(),
  /** What mends it. */
  command: z.string().optional(),
  /** The layer that is to blame, where it is another one than noticed. */
  blames: z.string().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional()
})

export const whyResponse = z.object({
  target: z.string(),
  from: z.string().optional(),
  verdict: z.enum(['ok', 'failed']),
  /** The first step that failed, under the layer that is to blame. */
  failed: whyStep.optional(),
  /** Every layer, in its order. */
  steps: z.array(whyStep),
  elapsedMs: z.number()
})

export const auditKind = z.enum(['open', 'deny', 'close', 'admit', 'refuse', 'gone', 'revoke', 'policy'])

/** One line of the audit log. Never payload. */
export const auditEntry = z.object({
  /** ISO 8601. */
  time: z.string(),
  kind: auditKind,
  /** Peer id of the node that wrote it. */
  node: z.string(),
  /** Whom it is about. */
  peer: z.string().optional(),
  name: z.string().optional(),
  service: z.string().optional(),
  /** What allowed or denied it. */
  rule: z.string().optional(),
  /** Which layer of rules denied it. */
  layer: z.string().optional(),
  code: z.string().optional(),
  bytesIn: z.number().optional(),
  bytesOut: z.number().optional(),
  durationMs: z.number().optional(),
  /** It happened so many times more within ten seconds. */
  count: z.number().int().optional(),
  text: z.string().optional()
})
export const auditEntries = z.object({ entries: z.array(auditEntry) })

export type WhyRequest = z.input<typeof whyRequest>
export type WhyStep = z.infer<typeof whyStep>
export type WhyResponse = z.infer<typeof whyResponse>
export type AuditKind = z.infer<typeof auditKind>
export type AuditEntry = z.infer<typeof auditEntry>
export type Problem = z.infer<typeof problem>
export type ServeResponse = z.infer<typeof serveResponse>
export type Publication = z.infer<typeof publication>
export type UnserveResponse = z.infer<typeof unserveResponse>
export type PublishRequest = z.input<typeof publishRequest>
export type PublishResponse = z.infer<typeof publishResponse>
export type PeerDocument = z.infer<typeof peer>
export type DialRequest = z.input<typeof dialRequest>
export type DialResponse = z.infer<typeof dialResponse>
export type ForwardRequest = z.input<typeof forwardRequest>
export type ForwardDocument = z.infer<typeof forward>
export type InviteRequest = z.input<typeof inviteRequest>
export type InviteResponse = z.infer<typeof inviteResponse>
export type RevokeRequest = z.input<typeof revokeRequest>
export type RevocationDocument = z.infer<typeof revocation>
export type RevocationsResponse = z.infer<typeof revocationsResponse>
export type RenewResponse = z.infer<typeof renewResponse>
export type RotateResponse = z.infer<typeof rotateResponse>
export type SignRequest = z.input<typeof signRequest>
export type SignResponse = z.infer<typeof signResponse>
export type NetworkInfo = z.infer<typeof networkInfo>
export type WhoisResponse = z.infer<typeof whoisResponse>
export type Setting = z.infer<typeof setting>
export type Status = z.infer<typeof status>
export type PingResponse = z.infer<typeof pingResponse>
export type ShutdownResponse = z.infer<typeof shutdownResponse>
export type NodeEvent = z.infer<typeof nodeEvent>
