import { z } from 'zod'

/** Packets lost in one direction. */
export const loss = z.object({
  /** Of the packets counted, 0 to 1. */
  share: z.number(),
  packets: z.number().int(),
  /** Chance hardly explains it: the path is bad. */
  isLossy: z.boolean()
})

/** The largest packet on a path, in bytes with the headers of IP and UDP. */
export const pathMtu = z.object({
  /** How it was found. */
  method: z.string(),
  /** What the link of this machine takes. */
  linkMtu: z.number().int(),
  /** To the other. */
  out: z.number().int(),
  /** From the other, at most `out`; absent where not even 576 bytes pass. */
  back: z.number().int().optional(),
  /** Routers say that it is smaller than the link's: TCP adapts to it. */
  isTold: z.boolean(),
  /** Small packets pass, large ones vanish, and nobody says so. */
  isBlackHole: z.boolean()
})

/** What the kernel counts of a connection over TCP. */
export const tcpCounters = z.object({
  /** Segments with data that were sent, those that were sent again included. */
  segments: z.number().int(),
  retransmitted: z.number().int(),
  mssBytes: z.number().int(),
  /** Largest packet on the path, as the kernel believes. */
  pathMtu: z.number().int().optional()
})

/** What UDP echoes with a member tell of the network below the mesh. */
export const underlay = z.object({
  /** `blocked`: nothing comes through over UDP. `unknown`: too early to say. */
  udp: z.enum(['works', 'blocked', 'unknown']),
  /** Absent until enough packets are known of. */
  out: loss.optional(),
  in: loss.optional(),
  rttMs: z.number().optional(),
  jitterMs: z.number().optional(),
  /** Looked for when the path stalls, or when somebody asks. */
  mtu: pathMtu.optional()
})

export const mtuResponse = z.object({
  peerId: z.string(),
  name: z.string().optional(),
  host: z.string(),
  mtu: pathMtu,
  /** 0 where it was looked for just now; more where the path has ended since. */
  ageMs: z.number(),
  /** Absent where the kernel does not show them. */
  tcp: tcpCounters.optional(),
  elapsedMs: z.number()
})

export type PathMtu = z.infer<typeof pathMtu>
export type MtuResponse = z.infer<typeof mtuResponse>
export type UnderlayDocument = z.infer<typeof underlay>
