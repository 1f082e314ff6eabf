import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { limits } from '@agent-mesh/wire'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A member that was admitted once, as it is stored. Times are milliseconds since 1970. */
export interface RememberedPeer {
  peerId: string
  /** Multiaddrs that it can be dialled at, without its peer id. */
  addresses: string[]
  lastAdmittedMs: number
  /** Dials that failed since then. */
  failures: number
}

/** Bounded book of members to start from after a restart, when the one that invited us may be gone. */
export interface RememberedPeers {
  /** The peer was admitted. Addresses are those to dial it at, not the source port of a connection that came in. */
  admitted: (peerId: string, addresses: Multiaddr[]) => void
  failed: (peerId: string) => void
  forget: (peerId: string) => void
  get: (peerId: string) => RememberedPeer | undefined
  /** Best first: fewest failures since the last admission, then the most recent one. */
  ranked: () => RememberedPeer[]
  /** Plain JSON that {@link createRememberedPeers} reads back. */
  toJSON: () => RememberedPeer[]
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** One entry of a stored book, or undefined where it is damaged: a lost address is no reason not to start. */
const parseEntry = (value: unknown): RememberedPeer | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const field = (name: string): unknown => Reflect.get(value, name)
  const [peerId, addresses, lastAdmittedMs, failures] = ['peerId', 'addresses', 'lastAdmittedMs', 'failures'].map(field)
  if (!isText(peerId) || !Array.isArray(addresses) || !isCount(lastAdmittedMs) || !isCount(failures)) return undefined
  try {
    peerIdFromString(peerId)
    const usable = addresses.filter(isText).slice(0, limits.addressesPerRecord)
    for (const address of usable) multiaddr(address)
    return usable.length === 0 ? undefined : { peerId, addresses: usable, lastAdmittedMs, failures }
  } catch {
    return undefined
  }
}

const compare = (a: RememberedPeer, b: RememberedPeer): number =>
  a.failures - b.failures || b.lastAdmittedMs - a.lastAdmittedMs || (a.peerId < b.peerId ? -1 : 1)

const withoutPeerId = (address: Multiaddr, peerId: string): string => {
  const last = address.getComponents().at(-1)
  return (last?.name === 'p2p' && last.value === peerId ? address.decapsulate(`/p2p/${peerId}`) : address).toString()
}

/** @param stored - what `toJSON` gave at some time; damaged entries are left out */
export const createRememberedPeers = ({
  stored = [],
  now = Date.now,
  size = limits.rememberedPeers
}: { stored?: unknown; now?: () => number; size?: number } = {}): RememberedPeers => {
  const entries = (Array.isArray(stored) ? stored.map(parseEntry) : []).filter((entry) => entry !== undefined)
  const book = new Map(
    entries
      .toSorted(compare)
      .slice(0, size)
      .map((entry) => [entry.peerId, entry])
  )
  const ranked = (): RememberedPeer[] => [...book.values()].toSorted(compare)
  return {
    admitted: (peerId, addresses) => {
      const told = [...new Set(addresses.map((address) => withoutPeerId(address, peerId)))].slice(
        0,
        limits.addressesPerRecord
      )
      const known = told.length > 0 ? told : (book.get(peerId)?.addresses ?? [])
      if (known.length === 0) return
      book.set(peerId, { peerId, addresses: known, lastAdmittedMs: now(), failures: 0 })
      const worst = book.size > size ? ranked().at(-1) : undefined
      if (worst !== undefined) book.delete(worst.peerId)
    },
    failed: (peerId) => {
      const entry = book.get(peerId)
      if (entry !== undefined) book.set(peerId, { ...entry, failures: entry.failures + 1 })
    },
    forget: (peerId) => {
      book.delete(peerId)
    },
    get: (peerId) => book.get(peerId),
    ranked,
    toJSON: ranked
  }
}
