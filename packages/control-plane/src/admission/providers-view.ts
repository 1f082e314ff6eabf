import { peerIdFromString } from '@libp2p/peer-id'
import { limits, MeshError } from '@agent-mesh/wire'
import { overlay } from './overlay.ts'
import { keptPeers } from './peer-store-view.ts'
import { ProviderQuota } from './provider-quota.ts'
import type { AbortOptions, PeerStore } from '@libp2p/interface'
import type { Datastore, Pair } from 'interface-datastore'
import type { FindAdmission } from './registrar-view.ts'

export interface LivingProvidersInit {
  datastore: Datastore
  /** The host's own, which knows addresses. */
  peerStore: () => PeerStore
  admission: FindAdmission
  /** How long a provider stands without being announced again. Default: one and a half times the life of a record. */
  validityMs?: number
  /** The clock with which the DHT stamps providers. */
  now?: () => number
}

/** `…/provider/<key>`; without a key it is the DHT's own sweep, which has to see everything. */
const isOneKey = /\/provider\/[^/]+$/

/** The time of a provider record, written as an unsigned varint. */
const readTime = (value: Uint8Array): number => {
  let time = 0
  for (const [index, byte] of value.entries()) {
    time += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) break
  }
  return time
}

/**
 * The datastore as a DHT may see it: of the providers of one key, those that are alive. kad-dht drops all of them when
 * one has no entry in the peer store, and does not look at their age.
 */
export const livingProviders = ({
  datastore,
  peerStore,
  admission,
  validityMs = 1.5 * limits.recordTtlMs,
  now = Date.now
}: LivingProvidersInit): Datastore => {
  const peers = keptPeers({ get: async (peer, options) => peerStore().get(peer, options) })
  const isLiving = async ({ key, value }: Pair, options?: AbortOptions): Promise<boolean> => {
    if (readTime(value) + validityMs < now()) return false
    try {
      const peerId = peerIdFromString(key.name())
      if (!admission().knows(peerId)) return false
      const { addresses } = await peers.get(peerId, options)
      return addresses.length > 0
    } catch {
      options?.signal?.throwIfAborted()
      return false
    }
  }
  const quota = new ProviderQuota()
  return overlay(datastore, {
    put: async (key, value, options) => {
      const verdict = quota.admit(key)
      if (verdict.is === 'refused') throw new MeshError('LIMIT_EXCEEDED', 'The key of a provider is too long.')
      if ('instead' in verdict) await datastore.delete(verdict.instead, options)
      return datastore.put(key, value, options)
    },
    query: (query, options) =>
      isOneKey.test(query.prefix ?? '')
        ? filter(datastore.query(query, options), async (entry) => isLiving(entry, options))
        : datastore.query(query, options)
  })
}

async function* filter<T>(
  source: AsyncIterable<T> | Iterable<T>,
  isKept: (item: T) => Promise<boolean>
): AsyncGenerator<T> {
  for await (const item of source) {
    if (await isKept(item)) yield item
  }
}
