import { NotFoundError } from '@libp2p/interface'
import { limits } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'
import { overlay } from './overlay.ts'
import type { AbortOptions, Peer, PeerData, PeerId, PeerInfo, PeerStore } from '@libp2p/interface'
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
 * Every answer of the DHT names twenty peers, mostly the same ones, and the store decodes each anew under a lock: so they
 * are read once a second.
 */
const infoKeptMs = 1_000
const mostInfos = 1_024

/**
 * The peer store as a service may see it. Strangers are not found, so that nobody is told of them. `all` stays as it
 * is: a DHT fills its table from it after a start, and pings every peer first, which ends in a hello.
 */
export const memberPeerStore = (store: PeerStore, find: FindAdmission): PeerStore => {
  const check = (peer: PeerId): void => {
    if (!find().knows(peer)) throw new NotFoundError(`${peer.toString()} has shown no certificate`)
  }
  const infos = new BoundedMap<string, { readMs: number; info: PeerInfo }>(mostInfos)
  const infoOf = async (peer: PeerId, options?: AbortOptions): Promise<PeerInfo> => {
    const key = peer.toString()
    const held = infos.get(key)
    const nowMs = performance.now()
    if (held !== undefined && nowMs - held.readMs < infoKeptMs) return held.info
    const info = await store.getInfo(peer, options)
    infos.set(key, { readMs: nowMs, info })
    return info
  }
  /** A provider may name any number of addresses, each time others: the latest are kept. */
  const merge = async (peer: PeerId, data: PeerData, options?: AbortOptions): Promise<Peer> => {
    const named = (data.multiaddrs ?? []).slice(0, mostAddresses)
    const bounded = data.multiaddrs === undefined ? data : { ...data, multiaddrs: named }
    const merged = await store.merge(peer, withoutKeepAlive(bounded), options)
    if (merged.addresses.length <= mostAddresses) return merged
    const addresses = new Map(named.map((address) => [address.toString(), address]))
    for (const { multiaddr } of merged.addresses) addresses.set(multiaddr.toString(), multiaddr)
    return store.patch(peer, { multiaddrs: [...addresses.values()].slice(0, mostAddresses) }, options)
  }
  return overlay(store, {
    get: async (peer, options) => {
      check(peer)
      return store.get(peer, options)
    },
    getInfo: async (peer, options) => {
      check(peer)
      return infoOf(peer, options)
    },
    has: async (peer, options) => find().knows(peer) && store.has(peer, options),
    save: async (peer, data, options) => store.save(peer, withoutKeepAlive(data), options),
    patch: async (peer, data, options) => store.patch(peer, withoutKeepAlive(data), options),
    merge
  })
}
