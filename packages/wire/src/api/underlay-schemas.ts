import { z } from 'zod'
import { pathClass } from './find-schemas.ts'

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
  isBlackHole: z.boolean(),
  /** The way there, for commands that set its size; absent where the system does not tell. */
  route: z.object({ device: z.string(), gateway: z.string().optional() }).optional()
})

/** What bytes of a tunnel become on the wire of one connection, measured on it. */
export const overhead = z.object({
  path: pathClass,
  /** What a byte of a tunnel is put into, outermost first. */
  layers: z.array(z.string()),
  /** Who has counted what left this machine; absent where nobody could. */
  countedBy: z.string().optional(),
  /** Of IP and TCP in each segment, with the options that both ends agreed on, as the kernel says. */
  headerBytes: z.number().int().optional(),
  /** For each size of a write, what one of them took on the average of the quietest round. */
  writes: z.array(
    z.object({
      payloadBytes: z.number().int(),
      /** That the connection sent, headers of IP and TCP not included; absent where they cannot be told apart. */
      sentBytes: z.number().optional(),
      /** Segments of TCP, or packets of IP. */
      segments: z.number(),
      /** With all headers, from that of IP on; absent where the size of these is unknown. */
      wireBytes: z.number().optional()
    })
  ),
  /** Why it was not measured, or not all of it. */
  reason: z.string().optional()
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
  /** Absent where no path leads straight to it. */
  host: z.string().optional(),
  /** Absent where it could not be found. */
  mtu: pathMtu.optional(),
  /** Why it could not. */
  mtuReason: z.string().optional(),
  /** 0 where it was looked for just now; more where the path has ended since. */
  ageMs: z.number(),
  /** Absent where the kernel does not show them. */
  tcp: tcpCounters.optional(),
  /** Of one connection to the agent of each class, the one that tunnels take first. */
  overheads: z.array(overhead),
  elapsedMs: z.number()
})

export type PathMtu = z.infer<typeof pathMtu>
export type Overhead = z.infer<typeof overhead>
export type MtuResponse = z.infer<typeof mtuResponse>
export type UnderlayDocument = z.infer<typeof underlay>
