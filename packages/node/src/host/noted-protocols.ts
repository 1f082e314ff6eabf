import type { Peer, PeerId, PeerStore } from '@libp2p/interface'

/** After this long a protocol is noted again, so that a peer in use stays as young as its use. */
const notedForMs = 60_000
const mostPeers = 1_024

interface Noted {
  peer: Peer
  atMs: Map<string, number>
}

/**
 * libp2p notes the protocol of each stream that opens in the peer store: a lock, a read, an encoding and a comparison, for
 * what it knows already nearly every time. A protocol that was noted within the last minute is not noted again, unless
 * something else was written of its peer. Changes the store itself.
 */
export const noteProtocolsOnce = (store: PeerStore, now: () => number = () => performance.now()): void => {
  const noted = new Map<string, Noted>()
  const [merge, patch, save] = [store.merge.bind(store), store.patch.bind(store), store.save.bind(store)]
  const remove = store.delete.bind(store)
  const forget = (id: PeerId): void => void noted.delete(id.toString())

  const note = (key: string, peer: Peer, protocols: readonly string[]): void => {
    const { atMs } = noted.get(key) ?? { atMs: new Map<string, number>() }
    for (const protocol of protocols) atMs.set(protocol, now())
    noted.delete(key)
    noted.set(key, { peer, atMs })
    const oldest = noted.size > mostPeers ? noted.keys().next() : undefined
    if (oldest?.done === false) noted.delete(oldest.value)
  }

  store.merge = async (id, data, options) => {
    const { protocols, ...others } = data
    if (protocols === undefined || Object.keys(others).length > 0) {
      forget(id)
      return merge(id, data, options)
    }
    const key = id.toString()
    const known = noted.get(key)
    const youngestMs = now() - notedForMs
    if (known !== undefined && protocols.every((one) => (known.atMs.get(one) ?? -Infinity) > youngestMs))
      return known.peer
    const peer = await merge(id, data, options)
    note(key, peer, protocols)
    return peer
  }
  store.patch = async (id, data, options) => {
    forget(id)
    return patch(id, data, options)
  }
  store.save = async (id, data, options) => {
    forget(id)
    return save(id, data, options)
  }
  store.delete = async (id, options) => {
    forget(id)
    return remove(id, options)
  }
}
