import type { PeerId } from '@libp2p/interface'
import type { ErrorCode } from '@agent-mesh/wire'
import type { PathClass } from './path-class.ts'

/** What the last attempts to reach a peer told. Times are milliseconds since 1970. */
export interface PathExperience {
  path?: PathClass
  rttMs?: number
  okMs?: number
  /** Absent after a success. */
  failure?: { code: ErrorCode; atMs: number }
}

/** Fed by the data plane, read by the ranking. */
export interface PathMemory {
  onPathOk: (peer: PeerId, path: PathClass, rttMs: number) => void
  onPathFailed: (peer: PeerId, code: ErrorCode) => void
  get: (peer: PeerId) => PathExperience
}

/** @param size - peers that are remembered; the longest unused is forgotten first */
export const createPathMemory = ({
  now = Date.now,
  size = 1024
}: { now?: () => number; size?: number } = {}): PathMemory => {
  const book = new Map<string, PathExperience>()
  const set = (peer: PeerId, experience: PathExperience): void => {
    const id = peer.toString()
    book.delete(id)
    const oldest = book.size >= size ? book.keys().next() : undefined
    if (oldest?.done === false) book.delete(oldest.value)
    book.set(id, experience)
  }
  const get = (peer: PeerId): PathExperience => book.get(peer.toString()) ?? {}
  return {
    get,
    onPathOk: (peer, path, rttMs) => set(peer, { path, rttMs, okMs: now() }),
    onPathFailed: (peer, code) => set(peer, { ...get(peer), failure: { code, atMs: now() } })
  }
}
