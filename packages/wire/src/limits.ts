const KiB = 1024
const MiB = 1024 * KiB

/**
 * Every bound of the mesh in one place. Sizes are in bytes, times in milliseconds, the rest are counts.
 * Each is tested at one past it; `docs/reference/limits.md` is compared with this table.
 */
export const limits = {
  /** Signed agent record, envelope included. A DHT holder refuses a larger one before it looks at the signature. */
  recordBytes: 4 * KiB,
  /** One certificate envelope. */
  certificateBytes: 2 * KiB,
  /** Certificates from a leaf up to, and without, the root: the leaf and at most one delegate. */
  certificateChainLength: 2,
  groupsPerCertificate: 16,
  /** Letters of a member, group or service name: one DNS label. */
  nameLength: 63,
  /** A2A agent card that is pulled from its node. */
  cardBytes: 64 * KiB,
  gossipMessageBytes: 4 * KiB,
  helloBytes: 8 * KiB,
  joinBytes: 8 * KiB,
  ticketBytes: 2 * KiB,
  /** Open and answer message of a tunnel, metadata included. */
  tunnelOpenBytes: 8 * KiB,
  metadataEntries: 32,
  policyBytes: 256 * KiB,
  /** Provider keys of one node: its name, its capabilities and all their ancestors. */
  providerKeysPerNode: 32,
  capabilityLength: 128,
  capabilityDepth: 8,
  servicesPerNode: 32,
  addressesPerRecord: 8,
  tunnelsPerPeer: 4096,
  /** Payload of one DATA frame. */
  frameBytes: 256 * KiB,
  /** What a sender may send before it has seen a credit. */
  creditInitialBytes: 256 * KiB,
  /** To where a window grows at once for a reader that keeps up. */
  creditGrownBytes: 4 * MiB,
  creditMaxBytes: 16 * MiB,
  creditPerPeerBytes: 64 * MiB,
  creditPerNodeBytes: 256 * MiB,
  strangerPendingConnections: 32,
  strangerConnectionsPerSecond: 16,
  strangerHeldStreams: 8,
  /** Streams that a connection may open before its hello is finished, whatever they ask for; one more ends it. */
  strangerStreams: 32,
  /** From the opening of a connection to a finished hello. */
  helloTimeoutMs: 5_000,
  /** A refused node has this long to read why before its connection is closed. */
  refusalPauseMs: 50,
  /** A refused peer stays this long out of our dialler; twice as long after each further refusal. */
  refusalBackoffMs: 30_000,
  refusalBackoffMaxMs: 10 * 60_000,
  refusalsRemembered: 1024,
  /** Certificates kept in memory of members that left. */
  membersRemembered: 4096,
  joinsPerMinutePerHost: 60,
  joinsPerMinute: 240,
  joinsInProgress: 32,
  /** How far another node's clock may be off before its hello is refused with CLOCK_SKEW. */
  clockToleranceMs: 10 * 60_000,
  certificateLifetimeMs: 30 * 24 * 3_600_000,
  recordTtlMs: 10 * 60_000,
  inviteLifetimeMs: 24 * 3_600_000,
  /** Peers that were only named by others and never connected. */
  namedPeers: 1024,
  rememberedPeers: 256,
  dialTimeoutMs: 10_000,
  addressDialTimeoutMs: 3_000,
  tunnelOpenTimeoutMs: 10_000,
  /** From both FINs to the end of the stream under the tunnel; then it is aborted. */
  tunnelCloseTimeoutMs: 5_000,
  /** How long a RESET or a refusal waits for a full connection before the stream is aborted without it. */
  tunnelResetTimeoutMs: 1_000,
  upstreamConnectTimeoutMs: 5_000,
  lookupTimeoutMs: 10_000,
  joinTimeoutMs: 15_000,
  drainTimeoutMs: 10_000,
  candidatesPerLookup: 256,
  /** Body of one request to the local API. */
  apiBodyBytes: 64 * KiB,
  /** Connections to the local API at once, tunnels of `mesh-node nc` included. */
  apiConnections: 1024,
  /** Events that wait for one slow reader before it is cut off. */
  apiEventBacklogBytes: 256 * KiB
} as const

/** Name of a bound in {@link limits}. */
export type LimitName = keyof typeof limits
