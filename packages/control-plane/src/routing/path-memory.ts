import type { PeerId } from '@libp2p/interface'
import type { ErrorCode } from '@agent-mesh/wire'
import type { PathClass } from './path-class.ts'

/** What the last attempts to reach a peer told. Times are milliseconds since 1970. */
export interface PathExperience {
  path?: PathClass
  /** The least that was seen of late: an open takes as long as the path, and whatever else the two were busy with. */
  rttMs?: number
  /** When that was. */
  rttAtMs?: number
  okMs?: number
  /** Absent after a success. */
  failure?: { code: ErrorCode; atMs: number }
}

/** Fed by the data plane, read by the ranking. */
export interface PathMemory {
  onPathOk: (peer: PeerId, path: PathClass, rttMs: number, service?: string) => void
  onPathFailed: (peer: PeerId, code: ErrorCode) => void
  /** The peer was reached; the program behind its service was not. */
  onServiceFailed: (peer: PeerId, service: string, code: ErrorCode) => void
  /** With a service, its failure counts where the peer itself has none. */
  get: (peer: PeerId, service?: string) => PathExperience
}

/** For how long the least round trip stands, unless a lower one is seen. */
const rttHoldsMs = 30_000

const idOf = (peer: PeerId, service?: string): string =>
  service === undefined ? peer.toString() : `${peer.toString()}/${service}`

/** @param size - peers and services that are remembered; the longest unused is forgotten first */
export const createPathMemory = ({
  now = Date.now,
  size = 1024
}: { now?: () => number; size?: number } = {}): PathMemory => {
  const book = new Map<string, PathExperience>()
  const set = (id: string, experience: PathExperience): void => {
    book.delete(id)
    const oldest = book.size >= size ? book.keys().next() : undefined
    if (oldest?.done === false) book.delete(oldest.value)
    book.set(id, experience)
  }
  const read = (id: string): PathExperience => book.get(id) ?? {}
  return {
    get: (peer, service) => {
      const experience = read(idOf(peer))
      const failure = experience.failure ?? (service === undefined ? undefined : read(idOf(peer, service)).failure)
      return failure === undefined ? experience : { ...experience, failure }
    },
    onPathOk: (peer, path, rttMs, service) => {
      const { path: pathBefore, rttMs: least = Infinity, rttAtMs = -Infinity } = read(idOf(peer))
      const isHeld = path === pathBefore && least < rttMs && now() - rttAtMs < rttHoldsMs
      set(idOf(peer), { path, okMs: now(), ...(isHeld ? { rttMs: least, rttAtMs } : { rttMs, rttAtMs: now() }) })
      if (service !== undefined) book.delete(idOf(peer, service))
    },
    onPathFailed: (peer, code) => set(idOf(peer), { ...read(idOf(peer)), failure: { code, atMs: now() } }),
    onServiceFailed: (peer, service, code) => set(idOf(peer, service), { failure: { code, atMs: now() } })
  }
}
