import { join } from 'node:path'
import { z } from 'zod'
import { JsonFile } from './json-file.ts'

const membership = z.strictObject({
  /** Public key of the root, libp2p protobuf, base64. */
  networkKey: z.base64(),
  /** Certificate envelopes, leaf first, base64. */
  chain: z.array(z.base64()).min(1)
})

const verbState = z.strictObject({
  services: z.array(
    z.strictObject({
      name: z.string(),
      address: z.string(),
      capabilities: z.array(z.string()),
      /** Whom the service is for; absent: every member. */
      allow: z.array(z.string()).min(1).optional(),
      /** What was said of its checks; absent: the defaults. */
      check: z
        .strictObject({
          kind: z.string().optional(),
          intervalMs: z.number().int().positive().optional(),
          timeoutMs: z.number().int().positive().optional(),
          threshold: z.number().int().positive().optional()
        })
        .optional(),
      /** Absent: 1. */
      weight: z.number().int().min(1).optional(),
      /** Absent: it reads no header of the PROXY protocol. */
      proxyProtocol: z.literal(true).optional()
    })
  ),
  forwards: z.array(z.strictObject({ listen: z.string(), target: z.string() })),
  /** Absent in what earlier versions wrote. */
  proxies: z
    .array(
      z.strictObject({
        kind: z.enum(['socks', 'http', 'dns']),
        listen: z.string(),
        allowRemote: z.boolean(),
        allowOutside: z.array(z.string()),
        /** Absent: never. */
        hedge: z.string().optional()
      })
    )
    .default([]),
  /** Capabilities published on their own, with the service that answers where one does. */
  capabilities: z.array(z.strictObject({ capability: z.string(), service: z.string().optional() })),
  /** What port 0 of a listen address became, by that address. */
  ports: z.record(z.string(), z.number().int().min(1).max(65_535)),
  /** Sequence of the last record that was signed. */
  sequence: z.number().int().nonnegative()
})

const invites = z.array(
  z.strictObject({
    id: z.string(),
    secretHash: z.string(),
    sealKey: z.string(),
    groups: z.array(z.string()),
    expiresMs: z.number(),
    uses: z.number().int(),
    usedBy: z.array(z.string()),
    /** The members that it makes are not renewed, and last so long. */
    ephemeralMs: z.number().int().positive().optional(),
    /** The members that it makes may admit others. */
    mayAdmit: z.boolean().optional()
  })
)

const issued = z.array(
  z.strictObject({
    name: z.string(),
    peerId: z.string(),
    serial: z.string(),
    notAfterMs: z.number(),
    /** Absent in what earlier versions wrote. */
    issuedMs: z.number().optional(),
    /** Whose key it replaces. */
    predecessor: z.string().optional()
  })
)

/** Signed documents, base64. */
const revocations = z.array(z.base64())

/** The key and the certificate that take the place of the present ones, as one file. Without a chain it is not certified. */
const nextIdentity = z.strictObject({
  key: z.base64(),
  networkKey: z.base64(),
  chain: z.array(z.base64()),
  /** By which the old key names the new one. Absent in what earlier versions wrote. */
  succession: z.base64().optional()
})

/** The old key of this node is not known to be revoked yet. */
const succession = z.strictObject({ succession: z.base64() })

/** The version of the policy that was in force when this node joined; of use until the node holds one. */
const policyAwaited = z.strictObject({ version: z.number().int().positive() })

/** Where the root key was copied to. */
const rootBackup = z.strictObject({ file: z.string(), network: z.string(), exportedMs: z.number() })

export type VerbState = z.infer<typeof verbState>
export type IssuedDocument = z.infer<typeof issued>

/** What a node starts from that has never run a verb. */
export const emptyVerbState = (): VerbState => ({
  services: [],
  forwards: [],
  proxies: [],
  capabilities: [],
  ports: {},
  sequence: 0
})

/** Every file of a state directory but the keys. */
export const stateFiles = (directory: string) => ({
  identityKey: join(directory, 'identity.key'),
  rootKey: join(directory, 'root.key'),
  membership: new JsonFile(join(directory, 'membership.json'), membership),
  verbs: new JsonFile(join(directory, 'state.json'), verbState),
  invites: new JsonFile(join(directory, 'invites.json'), invites),
  issued: new JsonFile(join(directory, 'issued.json'), issued),
  /** The last good policy, signed. */
  policy: join(directory, 'policy.signed'),
  policyAwaited: new JsonFile(join(directory, 'policy-awaited.json'), policyAwaited),
  revocations: new JsonFile(join(directory, 'revocations.json'), revocations),
  nextIdentity: new JsonFile(join(directory, 'identity.next.json'), nextIdentity),
  succession: new JsonFile(join(directory, 'succession.json'), succession),
  rootBackup: new JsonFile(join(directory, 'root-backup.json'), rootBackup),
  /** Rebuilt by itself when damaged. */
  peers: new JsonFile<unknown>(join(directory, 'peers.json'), z.unknown())
})

export type StateFiles = ReturnType<typeof stateFiles>
