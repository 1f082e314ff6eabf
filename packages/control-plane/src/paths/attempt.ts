import type { Connection, PeerId } from '@libp2p/interface'
import type { PathClass } from '../routing/path-class.ts'

/** How a path can be tried. */
export type AttemptKind = 'direct' | 'punch' | 'webrtc' | 'relayed'

/**
 * Opens a path of its kind to a peer that may be connected already, and resolves once the connection is admitted. A kind
 * that is absent cannot be tried on this node. Rejects with a MeshError whose code says why.
 */
export type PathAttempts = Partial<Record<AttemptKind, (peer: PeerId, signal: AbortSignal) => Promise<Connection>>>

const attemptsFor: Record<PathClass, readonly AttemptKind[]> = {
  local: [],
  direct: [],
  // as good as a direct one once it stands
  punched: [],
  webrtc: ['direct', 'punch'],
  relayed: ['direct', 'punch', 'webrtc']
}

/** What could lead to a better path than this one, in the order of their starts. */
export const betterAttempts = (path: PathClass): readonly AttemptKind[] => attemptsFor[path]
