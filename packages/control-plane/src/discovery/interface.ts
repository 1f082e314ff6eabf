import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Membership } from '@agent-mesh/identity'

export interface OfferedService {
  name: string
  /** http, grpc, tcp or ssh; later versions may know more. */
  kind: string
  capabilities: string[]
}

/** What this node says of itself; the publisher adds sequence, times, certificate chain and signature. */
export interface SelfDescription {
  addresses: Multiaddr[]
  services: OfferedService[]
  /** Capabilities that no service answers. */
  capabilities: string[]
}

/** A record whose envelope, author, membership, size and times were checked. */
export interface VerifiedRecord {
  peerId: PeerId
  membership: Membership
  sequence: number
  issuedMs: number
  expiresMs: number
  addresses: Multiaddr[]
  services: OfferedService[]
  /** All capabilities: of the services and those that no service answers. */
  capabilities: string[]
  isWithdrawn: boolean
  /** The envelope as it travels. */
  bytes: Uint8Array
}

export interface PublishReport {
  /** Other members that confirmed the record. */
  storedBy: number
  untilMs: number
  sequence: number
  /** Provider keys announced: name, capabilities and ancestors. */
  keys: number
}

export interface Discovery {
  /** Signs and stores the description and announces its keys. @throws MeshError NOT_PUBLISHED, LIMIT_EXCEEDED, TIMEOUT */
  publish: (description: SelfDescription, options?: { signal?: AbortSignal }) => Promise<PublishReport>
  /** Puts a tombstone in the place of the record. */
  withdraw: (options?: { signal?: AbortSignal }) => Promise<PublishReport>
  /** Agents that offer the capability or a descendant of it, each by its verified record; as they are found. */
  find: (capability: string, options: { signal: AbortSignal; limit?: number }) => AsyncGenerator<VerifiedRecord>
  /** Members of this name, by verified record; the one certified by the root first. */
  findName: (name: string, options: { signal: AbortSignal }) => Promise<VerifiedRecord[]>
  /** The newest valid record of a peer, or undefined. */
  record: (peer: PeerId, options: { signal: AbortSignal }) => Promise<VerifiedRecord | undefined>
  /** Paths in use that resemble this one. */
  suggest: (capability: string, options: { signal: AbortSignal }) => Promise<string[]>
}
