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
  /** Groups that one member may be in. */
  groupsPerCertificate: 16,
  /** Letters of a member, group or service name: one DNS label. */
  nameLength: 63,
  /** A2A agent card that is pulled from its node. */
  cardBytes: 64 * KiB,
  /** One message that gossip spreads. */
  gossipMessageBytes: 4 * KiB,
  /** One message of the hello: certificate chain and proof. */
  helloBytes: 8 * KiB,
  /** One message of a join: ticket proof and answer. */
  joinBytes: 8 * KiB,
  /** What an invitation prints, before its base58. */
  ticketBytes: 2 * KiB,
  /** Open and answer message of a tunnel, metadata included. */
  tunnelOpenBytes: 8 * KiB,
  /** Entries of metadata in the open or answer message of a tunnel. */
  metadataEntries: 32,
  /** The policy of a network, envelope included. */
  policyBytes: 256 * KiB,
  /** Admins who may have to sign one policy. */
  policySignatures: 8,
  /** Grants of one policy. */
  policyGrants: 4096,
  /** Groups that one policy may define. */
  policyGroups: 1024,
  /** Tests of one policy. */
  policyTests: 4096,
  /** From × to × (services + capabilities), summed over the grants of one policy; a group counts as one. */
  policyRules: 65_536,
  /** One signed revocation, the certificates of its signer included. */
  revocationBytes: 6 * KiB,
  /** Revocations that a node holds; they end with the certificates that they revoke. */
  revocations: 4096,
  /** One message of replication: as many documents as fit, the rest when asked again. */
  syncBytes: 512 * KiB,
  /** How often a member compares what it holds with another one, picked at random. */
  syncIntervalMs: 30_000,
  /** One request for a certificate, or its answer, before its base58. */
  certificateTextBytes: 6 * KiB,
  /** Digest of a member, envelope included: with what gossip puts around it, it fits in one message of gossip. */
  digestBytes: 4 * KiB - 64,
  /** Neighbours that a digest tells of. */
  neighboursPerDigest: 8,
  /** Letters of a reason in a digest. */
  healthReasonLength: 64,
  /** One message between two neighbours that watch each other. */
  healthFrameBytes: 16 * KiB,
  /** Members that one message of health speaks of. */
  claimsPerMessage: 64,
  /** Members whose health is kept; the dead and the gone are forgotten first. */
  healthMembers: 4096,
  /** Provider keys of one node: its name, its capabilities and all their ancestors. */
  providerKeysPerNode: 32,
  /** Characters of a capability path. */
  capabilityLength: 128,
  /** Parts of a capability path. */
  capabilityDepth: 8,
  /** Services that one node may offer. */
  servicesPerNode: 32,
  /** Largest weight of a service beside others that offer the same. */
  serviceWeight: 100,
  /** How often a service is checked, where nothing else is said. */
  checkIntervalMs: 10_000,
  /** Shortest interval of checks. */
  checkIntervalLeastMs: 500,
  /** Longest interval of checks. */
  checkIntervalMostMs: 60 * 60_000,
  /** Longest check of a service, where nothing else is said. */
  checkTimeoutMs: 5_000,
  /** Failed checks in a row that may be asked for until a service is failing. */
  checkThreshold: 20,
  /** Characters of the path or the gRPC service that a check asks for. */
  checkTargetLength: 256,
  /** Characters of the reason why a service is failing. */
  checkReasonLength: 80,
  /** Bytes of the answer to a check over gRPC; a status takes two. */
  checkAnswerBytes: 1 * KiB,
  /** Peers, names and groups that one service may be narrowed to. */
  allowedSubjects: 64,
  /** Addresses that a record tells others; the best ones are kept. */
  addressesPerRecord: 8,
  /** Tunnels that are open with one peer at once. */
  tunnelsPerPeer: 4096,
  /** Payload of one DATA frame. */
  frameBytes: 256 * KiB,
  /** What a sender may send before it has seen a credit. */
  creditInitialBytes: 256 * KiB,
  /** To where a window grows at once for a reader that keeps up. */
  creditGrownBytes: 4 * MiB,
  /** Largest window of one tunnel. */
  creditMaxBytes: 16 * MiB,
  /** Sum of the windows of all tunnels with one peer. */
  creditPerPeerBytes: 64 * MiB,
  /** Sum of the windows of all tunnels of this node. */
  creditPerNodeBytes: 256 * MiB,
  /** Connections that wait for their hello at once. */
  strangerPendingConnections: 32,
  /** New connections that one host may open per second. */
  strangerConnectionsPerSecond: 16,
  /** Streams of one connection that wait for its hello. */
  strangerHeldStreams: 8,
  /** Streams that a connection may open before its hello is finished, whatever they ask for; one more ends it. */
  strangerStreams: 32,
  /** From the opening of a connection to a finished hello. */
  helloTimeoutMs: 5_000,
  /** A refused node has this long to read why before its connection is closed. */
  refusalPauseMs: 50,
  /** A refused peer stays this long out of our dialler; twice as long after each further refusal. */
  refusalBackoffMs: 30_000,
  /** Longest that a refused peer stays out of our dialler. */
  refusalBackoffMaxMs: 10 * 60_000,
  /** Refused peers that are remembered. */
  refusalsRemembered: 1024,
  /** Certificates kept in memory of members that left. */
  membersRemembered: 4096,
  /** Joins that an issuer answers one host per minute. */
  joinsPerMinutePerHost: 60,
  /** Joins that an issuer answers per minute, all hosts together. */
  joinsPerMinute: 240,
  /** Joins that an issuer works on at once. */
  joinsInProgress: 32,
  /** How far another node's clock may be off before its hello is refused with CLOCK_SKEW. */
  clockToleranceMs: 10 * 60_000,
  /** How long a certificate holds. */
  certificateLifetimeMs: 30 * 24 * 3_600_000,
  /** How long others keep a record without hearing of its author; it is renewed every third of that. */
  recordTtlMs: 10 * 60_000,
  /** How long a ticket is good for, where `--lifetime` says nothing else. */
  inviteLifetimeMs: 24 * 3_600_000,
  /** Peers that were only named by others and never connected. */
  namedPeers: 1024,
  /** Members that a restarted node tries to come back through. */
  rememberedPeers: 256,
  /** One message of a punch through NATs, or of the question where one is seen. */
  punchMessageBytes: 512,
  /** How long both sides of a punch try to reach each other, from the first packet on. */
  punchTimeoutMs: 5_000,
  /** Longest wait for what members say of the address that a port is seen at. */
  punchObserveTimeoutMs: 3_000,
  /** Members that are asked where a port is seen; the second tells whether each destination sees another one. */
  punchObservers: 2,
  /** Punches of others that a node takes part in at once. */
  punchesInProgress: 16,
  /** Sockets of one punch that may be waiting to show that they come from the peer. */
  punchCandidates: 8,
  /** Longest dial of a peer, all its addresses together. */
  dialTimeoutMs: 10_000,
  /** Echoes on a path that one member may ask for at once, and that wait for their answer. */
  echoesAtOnce: 64,
  /** And in the long run; a path in use needs less than one. */
  echoesPerSecond: 16,
  /** One attempt at a better path. */
  pathAttemptTimeoutMs: 10_000,
  /** Longest dial of one address. */
  addressDialTimeoutMs: 3_000,
  /** From the open message of a tunnel to its answer. */
  tunnelOpenTimeoutMs: 10_000,
  /** From both FINs to the end of the stream under the tunnel; then it is aborted. */
  tunnelCloseTimeoutMs: 5_000,
  /** How long a RESET or a refusal waits for a full connection before the stream is aborted without it. */
  tunnelResetTimeoutMs: 1_000,
  /** Longest connect to the service behind an agent. */
  upstreamConnectTimeoutMs: 5_000,
  /** Head of one HTTP request to a service, and its trailers. */
  httpHeadBytes: 64 * KiB,
  /** Fields of one HTTP request. */
  httpFields: 256,
  /** A line between two chunks of an HTTP body, or of its trailers. */
  httpLineBytes: 8 * KiB,
  /** Programs that run for tunnels to `stdio:` services of a node at once. */
  stdioPrograms: 64,
  /** Longest lookup in the DHT. */
  lookupTimeoutMs: 10_000,
  /** Longest join, from the first dial to the certificate. */
  joinTimeoutMs: 15_000,
  /** How long a stopping node lets open tunnels finish. */
  drainTimeoutMs: 10_000,
  /** Agents that one search returns. */
  candidatesPerLookup: 256,
  /** Connections of clients to one proxy at once. */
  proxyConnections: 4096,
  /** Clients of one SOCKS proxy that have not said yet whom they want. */
  proxyPendingHandshakes: 256,
  /** From the opening of a connection to a proxy until it is known whom its client wants. */
  proxyHandshakeTimeoutMs: 10_000,
  /** How long a connection of a client stays open without a request. */
  proxyClientIdleMs: 60_000,
  /** Head of a request to, or of a response through, the HTTP proxy. */
  proxyHeaderBytes: 32 * KiB,
  /** Target of a request to the HTTP proxy. */
  proxyTargetBytes: 16 * KiB,
  /** Requests that one client of the HTTP proxy may have under way, one behind the other. */
  proxyPipelinedRequests: 32,
  /** Lines in the head of a request to the HTTP proxy. */
  proxyHeaderLines: 200,
  /** Tunnels of the HTTP proxy that wait for a next request, for each service. */
  proxyIdleTunnels: 64,
  /** How long a tunnel of the HTTP proxy waits for a next request. */
  proxyIdleTunnelMs: 15_000,
  /** Proxies of other nodes that one request may have passed. */
  proxyHops: 8,
  /** Longest time that what a host name means is taken for granted. */
  proxyNameMs: 1_000,
  /** Longest wait for one of several agents before the next is tried; the last one has all that is left. */
  candidateOpenMs: 3_000,
  /** Agents that a request through the HTTP proxy is sent to beside the first. */
  furtherAgents: 2,
  /** Body of a request that is kept, so that it can be said to another agent. */
  proxyKeptBodyBytes: 64 * KiB,
  /** The sum of the bodies that one HTTP proxy keeps. */
  proxyKeptBodiesBytes: 16 * MiB,
  /** Requests to one service that are sent again, in percent of all; */
  repeatsPercent: 20,
  /** these are granted beside that in each second, */
  repeatsPerSecond: 10,
  /** and so many are saved up. */
  repeatsSaved: 256,
  /** Requests to one service for which a second agent is asked beside a slow one, in percent of all; */
  hedgesPercent: 10,
  /** so many are saved up. */
  hedgesSaved: 10,
  /** Longest delay after which a second agent is asked beside a slow one. */
  hedgeDelayMs: 60_000,
  /** Patterns of names outside the mesh that a proxy may let through. */
  proxyOutsidePatterns: 64,
  /** Names that have a loopback address of their own at once. */
  dnsNames: 256,
  /** Questions to the DNS responders of a node that wait for an answer at once. */
  dnsQueries: 256,
  /** Longest wait for an answer of DNS; resolvers ask again after five seconds. */
  dnsAnswerMs: 4_000,
  /** How long the address of a name may be taken for granted, */
  dnsTtlMs: 10_000,
  /** and how long that there is none. */
  dnsNegativeTtlMs: 5_000,
  /** How long an address that was told stays with its name though nobody uses it; programs remember longer than they may. */
  dnsKeepMs: 5 * 60_000,
  /** One message to a DNS responder. */
  dnsQueryBytes: 4 * KiB,
  /** Connections over TCP to one DNS responder at once. */
  dnsConnections: 64,
  /** Questions of one such connection that wait for an answer at once. */
  dnsPipelined: 16,
  /** How long such a connection stays open without a word. */
  dnsIdleMs: 10_000,
  /** Ports that `proxy.dns_ports` may list. */
  dnsPorts: 32,
  /** One message to or from a relay. */
  relayMessageBytes: 4 * KiB,
  /** Longest wait for the answer of a relay, or of the peer that it calls. */
  relayAnswerMs: 10_000,
  /** Members that one relay holds a place for. */
  relayReservations: 256,
  /** How long such a place is held without being asked for again. */
  relayReservationMs: 10 * 60_000,
  /** Circuits through one relay at once, */
  relayCircuits: 512,
  /** and those of one member that opened them. */
  relayCircuitsPerPeer: 32,
  /** What a relay passes on of one member per second, if it is not told otherwise, */
  relayBytesPerSecond: 16 * MiB,
  /** and in an hour. */
  relayBytesPerHour: 16 * 1024 * MiB,
  /** Bytes that wait on a relay in one direction of a circuit before the sender is stopped. */
  relayQueueBytes: 256 * KiB,
  /** Relays at which a node may hold a place. */
  relaysPerNode: 4,
  /** Addresses of carriers that a configuration may list. */
  carrierAddresses: 16,
  /** Of what a carrier gives to one connection, what is kept to say that it is used up, */
  carrierReserveBytes: 4 * KiB,
  /** and of its time, at most half of it. */
  carrierReserveMs: 2_000,
  /** A carrier that gave no place is asked again after this, then twice that, … */
  carrierRetryMs: 15_000,
  /** … up to this. */
  carrierRetryMostMs: 15 * 60_000,
  /** A carrier that gives less than this, or than `carrierRetryMs`, to a connection is used where somebody asks for a tunnel, and no connection is opened ahead. */
  carrierLeastBytes: 32 * KiB,
  /** Body of one request to the local API. */
  apiBodyBytes: 64 * KiB,
  /** Body of a request to the local API that carries a policy: the largest one, as base64 or as JSON text. */
  apiPolicyBodyBytes: 1024 * KiB,
  /** Body of an answer that `mesh-node call --json` puts into one document. */
  callDocumentBytes: 16 * MiB,
  /** Members beside which nobody is dialled any more because it was heard of on the local network. */
  lanMembers: 8,
  /** Dials at once to whoever says on the local network that it is a member. */
  lanDials: 4,
  /** Time in which such a peer is dialled once. */
  lanDialEveryMs: 60_000,
  /** Such peers that are remembered for it. */
  lanPeers: 256,
  /** For how long a gateway is asked for a port, as RFC 6886 advises. */
  portMappingMs: 2 * 60 * 60 * 1000,
  /** From a gateway that gave no port to the next time that it is asked. */
  portMappingRetryMs: 10 * 60 * 1000,
  /** Until a gateway has answered one request of UPnP. */
  upnpAnswerMs: 3_000,
  /** Body of such an answer; descriptions of gateways have 3 to 20 KiB. */
  upnpAnswerBytes: 64 * KiB,
  /** STUN servers that `webrtc.stun` may list. */
  stunServers: 8,
  /** Of those and of the members that answer STUN, the ones that a WebRTC connection asks. */
  stunServersAsked: 4,
  /** One STUN message; longer ones are not read. */
  stunMessageBytes: 512,
  /** A STUN request of ours, as long as the answer with an address of IPv6: a server sends a stranger no more than it got. */
  stunRequestBytes: 44,
  /** STUN requests of one host that are answered at once, */
  stunPerHostAtOnce: 16,
  /** in a second, */
  stunPerHostPerSecond: 4,
  /** and of all hosts in a second. */
  stunPerSecond: 1_000,
  /** Hosts whose STUN requests are counted. */
  stunHosts: 4_096,
  /** Longest wait for the answers of STUN servers: three requests. */
  stunAnswerMs: 2_000,
  /** One UDP echo between members; those that look for the largest packet are longer. */
  echoBytes: 44,
  /** A member that skips more numbers of its UDP echoes is counted from there on. */
  echoSequenceJump: 4_096,
  /** Longest UDP echo that looks for the largest packet. */
  echoSizedBytes: 9_000,
  /** Of those, how many one member may ask for at once, */
  echoesSizedAtOnce: 64,
  /** and in a second. */
  echoesSizedPerSecond: 8,
  /** Members whose paths carry tunnels that a node watches by UDP echoes, */
  echoedMembersInUse: 16,
  /** and others beside them. */
  echoedMembersIdle: 3,
  /** Members that may watch their path to a node. */
  echoSessionsTaken: 32,
  /** One message that opens UDP echoes, or its answer. */
  echoOpenBytes: 256,
  /** UDP ports that one side names. */
  echoPorts: 4,
  /** UDP echoes that one member may send in a second, twice the fastest pace. */
  echoRequestsPerSecond: 40,
  /** Datagrams that one member may have sent to its own host, to learn whom its gateway lets in, at once, */
  echoProbesPerMember: 16,
  /** and in a second; */
  echoProbesPerMemberPerSecond: 1,
  /** those of all members in a second. */
  echoProbesPerSecond: 32,
  /** Bytes that a member may send to be thrown away, to learn what they cost on the wire, on one stream; */
  sinkBytes: 2 * MiB,
  /** such streams of one member at once and after each other without a pause, */
  sinksPerMember: 12,
  /** and one more each so many milliseconds; */
  sinkEveryMs: 5_000,
  /** those of all members at once, */
  sinks: 8,
  /** and how long one may last. */
  sinkMs: 30_000,
  /** WebRTC connections that a node makes at once, and as many again that it is asked for. */
  webRtcSetups: 8,
  /** Of those, the ones that one connection may ask for. */
  webRtcSetupsPerConnection: 2,
  /** From the first offer of a WebRTC connection to its hello. */
  webRtcSetupMs: 12_000,
  /** From one offer to the connection it leads to, one second on a good path; then another offer is made. */
  webRtcOfferMs: 4_000,
  /** Connections to the local API at once, tunnels of `mesh-node nc` included. */
  apiConnections: 1024,
  /** Events that wait for one slow reader before it is cut off. */
  apiEventBacklogBytes: 256 * KiB,
  /** Connections at once to the metrics that are served over TCP. */
  scrapeConnections: 16,
  /** Names that the metrics over TCP may be called by. */
  scrapeHosts: 32,
  /** Connections at once to a bench that a node serves, */
  benchConnections: 64,
  /** seconds of one measurement, */
  benchSeconds: 60,
  /** how long it is served where nothing is said, */
  benchDefaultMs: 10 * 60_000,
  /** and at most. */
  benchMs: 24 * 3_600_000
} as const

/** Name of a bound in {@link limits}. */
export type LimitName = keyof typeof limits
