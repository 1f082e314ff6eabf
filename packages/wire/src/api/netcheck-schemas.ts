import { z } from 'zod'
import { carrier } from './carrier-schemas.ts'

/** How this node stands in its network. */
export const netcheckResponse = z.object({
  /** That it tells others. */
  addresses: z.array(z.string()),
  /** `untested`: no server of STUN is known. `silent`: none of them answered over UDP, though TCP works. */
  udp: z.enum(['works', 'silent', 'untested']),
  /** How the way out rewrites addresses, as RFC 4787 names it; `address-dependent` is also called symmetric. */
  mapping: z.enum(['none', 'endpoint-independent', 'address-dependent', 'unknown']),
  /** Which datagrams the way in takes, as RFC 4787 names it: from anybody, from hosts or from ports that were sent to. */
  filtering: z.enum(['endpoint-independent', 'address-dependent', 'address-and-port-dependent', 'unknown']),
  /** Why the filtering is unknown; absent where it is not. */
  filteringReason: z.string().optional(),
  /** What people call it, by mapping and filtering. */
  kind: z.enum(['open', 'firewall', 'full cone', 'restricted cone', 'port-restricted cone', 'symmetric', 'unknown']),
  /** What each server of STUN said. */
  servers: z.array(
    z.object({
      server: z.string(),
      /** The member that it belongs to; absent for one of the configuration. */
      peerId: z.string().optional(),
      name: z.string().optional(),
      /** Absent where it did not answer. */
      mapped: z.string().optional(),
      rttMs: z.number().optional()
    })
  ),
  /** What the gateway does; absent where it is not asked. */
  portMapping: z
    .object({
      state: z.enum(['asking', 'needless', 'mapped', 'failed']),
      gateway: z.string().optional(),
      /** By which the gateway gave the ports. */
      protocol: z.enum(['nat-pmp', 'upnp']).optional(),
      reason: z.string().optional(),
      addresses: z.array(z.string()).optional()
    })
    .optional(),
  /** Members through which others reach this node, with the round trip to each. */
  relays: z.array(z.object({ peerId: z.string(), name: z.string().optional(), rttMs: z.number().optional() })),
  /** Relays of other networks that the configuration names; absent where it names none. */
  carriers: z.array(carrier).optional(),
  /** Where this node itself answers STUN. */
  stun: z.object({ endpoints: z.array(z.string()), answered: z.number().int(), refused: z.number().int() }),
  elapsedMs: z.number()
})

export type NetcheckResponse = z.infer<typeof netcheckResponse>
