import { NotFoundError } from '@libp2p/interface'
import { limits } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'
import { overlay } from './overlay.ts'
import type { AbortOptions, Peer, PeerData, PeerId, PeerStore } from '@libp2p/interface'
import type { FindAdmission } from './registrar-view.ts'

/**
 * kad-dht asks for its closest peers to be kept alive, and libp2p redials those at once, without a pause, for as long
 * as the dial itself succeeds: a peer that refuses us would be dialled a hundred times in a second.
 */
const withoutKeepAlive = (data: PeerData): PeerData => {
  if (data.tags === undefined) return data
  const tags = Object.entries(data.tags).filter(([tag, value]) => value === undefined || !tag.startsWith('keep-alive'))
  return { ...data, tags: Object.fromEntries(tags) }
}

/** What a record holds, and as many that a peer was seen at. */
const mostAddresses = 2 * limits.addressesPerRecord

/**
 * Every answer of the DHT names twenty peers, mostly the same ones, and the store decodes each anew under a lock: so those
 * with addresses are read once a second, unless something was written.
 */
const keptMs = 1_000
const mostKept = 1_024

/** Reads of a peer store that may be a second old. */
export const keptPeers = (store: Pick<PeerStore, 'get'>): { get: PeerStore['get']; forget: (peer: PeerId) => void } => {
  const kept = new BoundedMap<string, { readMs: number; peer: Peer }>(mostKept)
  return {
    get: async (id, options) => {
      const key = id.toString()
      const held = kept.get(key)
      const nowMs = performance.now()
      if (held !== undefined && nowMs - held.readMs < keptMs) return held.peer
      const peer = await store.get(id, options)
      if (peer.addresses.length > 0) kept.set(key, { readMs: nowMs, peer })
      return peer
    },
    forget: (id) => {
      kept.delete(id.toString())
    }
  }
}

/**
 * The peer store as a service may see it. Strangers are not found, so that nobody is told of them. `all` stays as it
 * is: a DHT fills its table from it after a start, and pings every peer first, which ends in a hello.
 */
export const memberPeerStore = (store: PeerStore, find: FindAdmission): PeerStore => {
  const check = (peer: PeerId): void => {
    if (!find().knows(peer)) throw new NotFoundError(`${peer.toString()} has shown no certificate`)
  }
  const peers = keptPeers(store)
  /** A provider may name any number of addresses, each time others: the latest are kept. */
  const merge = async (peer: PeerId, data: PeerData, options?: AbortOptions): Promise<Peer> => {
    const named = (data.multiaddrs ?? []).slice(0, mostAddresses)
    const bounded = data.multiaddrs === undefined ? data : { ...data, multiaddrs: named }
    peers.forget(peer)
    const merged = await store.merge(peer, withoutKeepAlive(bounded), options)
    if (merged.addresses.length <= mostAddresses) return merged
    const addresses = new Map(named.map((address) => [address.toString(), address]))
    for (const { multiaddr } of merged.addresses) addresses.set(multiaddr.toString(), multiaddr)
    return store.patch(peer, { multiaddrs: [...addresses.values()].slice(0, mostAddresses) }, options)
  }
  return overlay(store, {
    get: async (peer, options) => {
      check(peer)
      return peers.get(peer, options)
    },
    getInfo: async (peer, options) => {
      check(peer)
      const { id, addresses } = await peers.get(peer, options)
      return { id, multiaddrs: addresses.map(({ multiaddr }) => multiaddr) }
    },
    has: async (peer, options) => find().knows(peer) && store.has(peer, options),
    save: async (peer, data, options) => {
      peers.forget(peer)
      return store.save(peer, withoutKeepAlive(data), options)
    },
    patch: async (peer, data, options) => {
      peers.forget(peer)
      return store.patch(peer, withoutKeepAlive(data), options)
    },
    merge
  })
}
