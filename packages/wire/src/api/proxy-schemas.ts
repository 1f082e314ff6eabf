import { z } from 'zod'

export const proxyKind = z.enum(['socks', 'http', 'dns'])

export const proxyRequest = z.strictObject({
  kind: proxyKind,
  /** `host:port` or `unix:/path`; port 0 takes a free one and keeps it. */
  listen: z.string().max(256),
  /** Other machines may use it, and then act as this node. */
  allowRemote: z.boolean().default(false),
  /** Names outside the mesh that are let through: `example.com`, `*.example.com`, each with an optional port. */
  allowOutside: z.array(z.string().max(256)).max(64).default([]),
  /** After which time an HTTP proxy asks a second agent beside a slow one: `95p`, `200ms`. Absent: never. */
  hedge: z.string().max(32).optional(),
  foreground: z.boolean().default(false)
})

/** A local door through which programs name whom they want. */
export const proxy = z.object({
  id: z.string(),
  kind: proxyKind,
  /** The address that is bound, with the port that was chosen. */
  listen: z.string(),
  /** What ends the names of the mesh. */
  suffix: z.string(),
  /** Of a DNS responder: the addresses that it gives to names. */
  range: z.string().optional(),
  allowRemote: z.boolean(),
  allowOutside: z.array(z.string()),
  hedge: z.string().optional(),
  isPersistent: z.boolean(),
  openConnections: z.number().int(),
  totalConnections: z.number().int(),
  failedRequests: z.number().int(),
  lastError: z.object({ code: z.string(), message: z.string(), atMs: z.number() }).optional()
})
export const proxiesResponse = z.object({ proxies: z.array(proxy) })

export type ProxyRequest = z.input<typeof proxyRequest>
export type ProxyDocument = z.infer<typeof proxy>
