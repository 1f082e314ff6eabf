import { NotFoundError } from '@libp2p/interface'
import { limits } from '@agent-mesh/wire'
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
 * The peer store as a service may see it. Strangers are not found, so that nobody is told of them. `all` stays as it
 * is: a DHT fills its table from it after a start, and pings every peer first, which ends in a hello.
 */
export const memberPeerStore = (store: PeerStore, find: FindAdmission): PeerStore => {
  const check = (peer: PeerId): void => {
    if (!find().knows(peer)) throw new NotFoundError(`${peer.toString()} has shown no certificate`)
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
      return store.getInfo(peer, options)
    },
    has: async (peer, options) => find().knows(peer) && store.has(peer, options),
    save: async (peer, data, options) => store.save(peer, withoutKeepAlive(data), options),
    patch: async (peer, data, options) => store.patch(peer, withoutKeepAlive(data), options),
    merge
  })
}
