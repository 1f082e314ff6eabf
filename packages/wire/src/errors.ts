/** The part of the mesh that failed. Every error names one. */
export type Layer =
  | 'usage'
  | 'config'
  | 'state'
  | 'identity'
  | 'network'
  | 'admission'
  | 'discovery'
  | 'route'
  | 'path'
  | 'tunnel'
  | 'policy'
  | 'service'
  | 'upstream'
  | 'api'
  | 'internal'

interface ErrorKind {
  /** Number on the wire (tunnel answer, RESET, hello and join answers). Never reused. */
  wire: number
  layer: Layer
  /** Process exit code: 1 error, 2 usage, 3 denied, 4 unreachable, 5 timeout. */
  exit: 1 | 2 | 3 | 4 | 5
  meaning: string
  /** What to do next; a command where there is one. */
  remedy: string
}

const kind = (wire: number, layer: Layer, exit: ErrorKind['exit'], meaning: string, remedy: string): ErrorKind => ({
  wire,
  layer,
  exit,
  meaning,
  remedy
})

/**
 * Every error that the mesh can report, by code. `docs/reference/errors.md` is compared with this table.
 */
// prettier-ignore
export const errorKinds = {
  USAGE: kind(1, 'usage', 2, 'The command line is wrong.', 'mesh-node <command> --help'),
  TARGET_INVALID: kind(2, 'usage', 2, 'A target is not a name, a peer id or cap:<path>.', 'mesh-node find --help'),
  CONFIG_INVALID: kind(3, 'config', 2, 'The configuration file does not validate.', 'Mend the line that the message names.'),
  STATE_UNREADABLE: kind(10, 'state', 1, 'A file of the state directory cannot be read or written.', 'Check the owner, the mode and the free space of the named file.'),
  STATE_DAMAGED: kind(11, 'state', 1, 'A file of the state directory is damaged.', 'Restore the named file from a backup, or move it away.'),
  STATE_NEWER: kind(12, 'state', 1, 'The state directory was written by a newer version.', 'Install that version or a newer one.'),
  STATE_LOCKED: kind(13, 'state', 1, 'Another node runs on this state directory.', 'mesh-node down, or choose another --state-dir'),
  NO_DAEMON: kind(14, 'api', 4, 'No node runs on this state directory.', 'mesh-node up'),
  KEY_READABLE: kind(20, 'identity', 1, 'The key file can be read by others.', 'chmod 600 on the named file'),
  KEY_DAMAGED: kind(21, 'identity', 1, 'The key file is not an Ed25519 key.', 'Restore it from a backup; a new key is a new address.'),
  KEY_FOREIGN: kind(22, 'identity', 1, 'The key does not belong to the certificate beside it.', 'Restore the key that the certificate names, or join again.'),
  NO_NETWORK: kind(30, 'network', 1, 'This node belongs to no network.', 'mesh-node network create, or mesh-node join <ticket>'),
  NETWORK_EXISTS: kind(31, 'network', 1, 'This node belongs to a network already.', 'mesh-node network show; mesh-node network leave'),
  NETWORK_FOREIGN: kind(32, 'network', 3, 'The document belongs to another network.', 'mesh-node network show'),
  NOT_ISSUER: kind(33, 'network', 3, 'This node may not admit others.', 'Ask a member whose certificate says that it may admit.'),
  CERTIFICATE_INVALID: kind(34, 'network', 3, 'A certificate does not verify.', 'mesh-node join <new ticket>'),
  CERTIFICATE_EXPIRED: kind(35, 'network', 3, 'A certificate is past its time.', 'mesh-node join <new ticket>; check the clock'),
  CERTIFICATE_NOT_YET_VALID: kind(36, 'network', 3, 'A certificate is not valid yet.', 'Check the clocks of both nodes.'),
  NAME_INVALID: kind(37, 'network', 2, 'A name is not one DNS label of a-z, 0-9 and hyphens, or is reserved.', 'Choose another --name'),
  NAME_TAKEN: kind(38, 'network', 1, 'Another member has this name.', 'Choose another --name'),
  NAME_CONFLICT: kind(39, 'network', 1, 'Two members hold a certificate for this name.', 'Use the peer id; have one of them join under another name.'),
  TICKET_INVALID: kind(40, 'network', 2, 'The ticket is damaged or cut short.', 'Copy the whole ticket; mesh-node invite makes another.'),
  TICKET_EXPIRED: kind(41, 'network', 3, 'The ticket is past its time.', 'mesh-node invite on the issuer'),
  TICKET_USED: kind(42, 'network', 3, 'The ticket has been used as often as it may be.', 'mesh-node invite on the issuer'),
  TICKET_UNKNOWN: kind(43, 'network', 3, 'The issuer does not know this ticket.', 'mesh-node invite on the issuer'),
  SYNC_INVALID: kind(44, 'network', 1, 'A message of replication is not what it may be, or brings items that do not verify.', 'Update the older of the two nodes.'),
  HEALTH_INVALID: kind(46, 'network', 1, 'A message of health is not what it may be, or a digest does not verify.', 'Update the older of the two nodes.'),
  HEALTH_STALE: kind(47, 'network', 1, 'A newer digest of the same member is known.', 'Nothing: the newer one is used.'),
  HELLO_TIMEOUT: kind(50, 'admission', 5, 'The other side said no valid hello in time.', 'Is it a member of this network, and is its node running?'),
  NOT_A_MEMBER: kind(51, 'admission', 3, 'The peer is not a member of this network.', 'mesh-node network show on both sides'),
  RATE_LIMITED: kind(52, 'admission', 3, 'Too many attempts; the other side asks to wait.', 'Try again later.'),
  CLOCK_SKEW: kind(53, 'admission', 3, 'The clocks of both nodes differ too much.', 'Set the clock (NTP) of the node that is off.'),
  REFUSED_EARLIER: kind(54, 'admission', 3, 'This peer refused us a moment ago.', 'Wait for the back-off, or mend what the refusal named.'),
  REVOKED: kind(55, 'admission', 3, 'The certificate of this peer was revoked.', 'mesh-node join <new ticket>, where an admin lets it in again'),
  REVOCATION_INVALID: kind(56, 'admission', 1, 'A revocation does not verify.', 'Nothing: it was ignored. Its author may not revoke, or it was changed on its way.'),
  CAPABILITY_INVALID: kind(60, 'discovery', 2, 'A capability is not a path of [a-z0-9_-] parts.', 'Example: language_processing/translation'),
  CAPABILITY_UNKNOWN: kind(61, 'discovery', 2, 'The taxonomy of this network does not know the capability.', 'Use the suggested path, or drop `taxonomy` from the configuration.'),
  NOT_PUBLISHED: kind(62, 'discovery', 4, 'No other member stored the record.', 'mesh-node peers; a network needs a second member to publish to'),
  NOT_FOUND: kind(63, 'discovery', 4, 'Nobody offers this.', 'mesh-node find <capability>'),
  RECORD_INVALID: kind(64, 'discovery', 1, 'A record does not verify.', 'mesh-node find again; the author has to publish a valid one.'),
  RECORD_EXPIRED: kind(65, 'discovery', 4, 'A record is past its time.', 'Is the agent running?'),
  RECORD_STALE: kind(66, 'discovery', 1, 'A newer record of the same author is known.', 'Nothing: the newer one is used.'),
  LIMIT_EXCEEDED: kind(67, 'tunnel', 1, 'A limit of the mesh is reached.', 'docs/reference/limits.md says which and why.'),
  CAPABILITY_AMBIGUOUS: kind(68, 'discovery', 2, 'A host name may mean any of several capabilities.', 'Write all its parts, leaf first: <leaf>.<parent>.cap.mesh'),
  PEER_UNKNOWN: kind(70, 'route', 4, 'No address and no record of this peer is known.', 'mesh-node peers; is the agent running?'),
  NAME_UNKNOWN: kind(71, 'route', 4, 'No member of this name is known.', 'mesh-node peers'),
  STALE_ROUTE: kind(72, 'path', 4, 'The address of this peer is held by another one by now.', 'mesh-node find again; nothing was sent to the other peer.'),
  UNREACHABLE: kind(73, 'path', 4, 'No address of the peer answered.', 'mesh-node ping <peer>; is its node running and reachable?'),
  NAME_OUTSIDE: kind(74, 'route', 3, 'A proxy was asked for a name that is not of the mesh.', 'Use names that end in .mesh; mesh-node proxy --allow-outside <pattern> lets others through.'),
  ADDRESS_PROHIBITED: kind(75, 'route', 3, 'A proxy was asked for an address that it never connects to.', 'Connect to the address of this machine without the proxy.'),
  WEBRTC_UNAVAILABLE: kind(79, 'path', 4, 'WebRTC cannot be used on this machine.', 'Install again with optional dependencies; without WebRTC, other paths are used.'),
  RELAY_REFUSED: kind(76, 'path', 4, 'A relay did not take a reservation or a circuit.', 'mesh-node peers; another relay is tried by itself.'),
  PUNCH_FAILED: kind(77, 'path', 4, 'The NATs between two nodes let no direct connection through.', 'mesh-node why <peer>; the relayed connection goes on.'),
  CARRIER_LIMIT: kind(78, 'path', 4, 'A connection through a carrier has used up what the carrier gives to each.', 'Open it again; a member that others can reach relays without such limits.'),
  CONNECTION_LOST: kind(80, 'path', 4, 'The connection to the peer was lost.', 'Try again; mesh-node ping <peer>'),
  TUNNEL_RESET: kind(81, 'tunnel', 1, 'The other end reset the stream, as TCP would.', 'See the log of the service.'),
  TUNNEL_PROTOCOL: kind(82, 'tunnel', 1, 'The peer broke the tunnel protocol.', 'Update the older of the two nodes.'),
  TIMEOUT: kind(83, 'tunnel', 5, 'It took longer than it may.', 'Try again; mesh-node ping <peer>'),
  CANCELLED: kind(84, 'tunnel', 1, 'The caller gave up.', 'Nothing.'),
  SHUTTING_DOWN: kind(85, 'tunnel', 4, 'The node is stopping.', 'Try again, or use another agent.'),
  DENIED: kind(90, 'policy', 3, 'The receiving node does not allow this.', 'Ask its operator to serve it to you.'),
  SERVICE_UNKNOWN: kind(91, 'service', 4, 'The agent offers no such service.', 'mesh-node find <peer> lists its services.'),
  SERVICE_TAKEN: kind(92, 'service', 2, 'A service of this name exists already.', 'mesh-node unserve <service>, or serve --replace'),
  SERVICE_INVALID: kind(93, 'service', 2, 'A service is not <name>=<http|grpc|tcp|ssh>://host:port or unix:/path.', 'mesh-node serve --help'),
  POLICY_INVALID: kind(94, 'policy', 2, 'A policy does not parse, names what does not exist, or fails its own tests.', 'mesh-node policy check <file>'),
  POLICY_REFUSED: kind(95, 'policy', 3, 'A policy was not signed by as many admins as this network asks for.', 'mesh-node policy sign <file> by another admin, then policy push'),
  POLICY_OUTDATED: kind(96, 'policy', 1, 'A newer policy is known.', 'mesh-node policy show; start from that one'),
  POLICY_FORK: kind(97, 'policy', 1, 'Two different policies carry one version; the same one wins everywhere.', 'mesh-node policy push once more, from one admin'),
  NOT_ADMIN: kind(98, 'policy', 3, 'This node may not do what only an admin may.', 'Do it on the node with the root key, or on one in the group "admin".'),
  UPSTREAM_REFUSED: kind(100, 'upstream', 4, 'The service behind the agent refused the connection.', 'Start the service on the machine of the agent.'),
  UPSTREAM_TIMEOUT: kind(101, 'upstream', 5, 'The service behind the agent did not answer in time.', 'Look at the service on the machine of the agent.'),
  UPSTREAM_UNREACHABLE: kind(102, 'upstream', 4, 'The service behind the agent cannot be reached.', 'Check host, port or socket path of the service.'),
  UPSTREAM_EXITED: kind(104, 'upstream', 1, 'The program behind the agent ended by itself, and not well.', 'See the log of the agent: it has what the program said on its standard error.'),
  HTTP_STATUS: kind(109, 'upstream', 1, 'The service answered with a status of failure, and --fail was asked for.', 'mesh-node call without --fail prints what the service says.'),
  HTTP_INVALID: kind(103, 'service', 1, 'A request to an HTTP service could be read in more than one way, and is refused.', 'Send it as RFC 9112 says; serve the service as tcp:// where bytes have to pass untouched.'),
  ADDRESS_IN_USE: kind(110, 'api', 1, 'The local address is in use.', 'Choose another port, or :0 for a free one.'),
  ADDRESS_INVALID: kind(111, 'usage', 2, 'A local address is not host:port or unix:/path.', 'Example: 127.0.0.1:8080'),
  FORWARD_UNKNOWN: kind(112, 'api', 1, 'There is no such forward.', 'mesh-node forward --list'),
  PROXY_UNKNOWN: kind(114, 'api', 1, 'There is no such proxy.', 'mesh-node proxy --list'),
  API_UNREADABLE: kind(113, 'api', 1, 'The local API answered something that this version does not understand.', 'Use the same version for the command and the node.'),
  INTERNAL: kind(120, 'internal', 1, 'A defect in the mesh itself.', 'Report it with the log.')
} as const satisfies Record<string, ErrorKind>

/** Closed set of error codes; stable, usable as a metric label. */
export type ErrorCode = keyof typeof errorKinds

export interface MeshErrorOptions {
  cause?: unknown
  /** Next step, where it is more exact than the remedy of the code. */
  hint?: string
  /** Facts for programs: bounded, never secrets, never payload. */
  details?: Record<string, string | number | boolean | string[]>
}

/** The one error type that crosses a package boundary. */
export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: ErrorCode
  readonly hint: string
  readonly details: NonNullable<MeshErrorOptions['details']>

  /** @param message - what happened, with the concrete name, path or number in it; one sentence */
  constructor(code: ErrorCode, message: string = errorKinds[code].meaning, options: MeshErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.hint = options.hint ?? errorKinds[code].remedy
    this.details = options.details ?? {}
  }

  /** The part of the mesh that failed. */
  get layer(): Layer {
    return errorKinds[this.code].layer
  }

  /** What a command that ends with this error exits with. */
  get exitCode(): number {
    return errorKinds[this.code].exit
  }
}

/** True for a code of this version. */
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(errorKinds, text)

const codeByWire = new Map<number, ErrorCode>()
for (const [code, { wire }] of Object.entries(errorKinds)) if (isErrorCode(code)) codeByWire.set(wire, code)

/** Number of a code on the wire; 0 is kept for "ok". */
export const toWireCode = (code: ErrorCode): number => errorKinds[code].wire

/** Code of a number from the wire; a number of a newer version becomes INTERNAL. */
export const fromWireCode = (wire: number): ErrorCode => codeByWire.get(wire) ?? 'INTERNAL'

/** Wraps whatever was thrown; a MeshError stays as it is. */
export const toMeshError = (err: unknown, code: ErrorCode = 'INTERNAL'): MeshError =>
  err instanceof MeshError ? err : new MeshError(code, err instanceof Error ? err.message : String(err), { cause: err })
