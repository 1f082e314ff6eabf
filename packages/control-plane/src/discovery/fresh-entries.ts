import { NotFoundError } from '@libp2p/interface'
import { Record as StoredRecord } from '@libp2p/kad-dht'
import type { AbortOptions, RoutingOptions } from '@libp2p/interface'
import type { Datastore, Key, Pair, Query } from 'interface-datastore'

/** Marks a provider lookup that shall ask the network, whatever this node holds itself. */
const networkOnly: unique symbol = Symbol('network only')

/**
 * Options for a provider lookup that does not end at the entries this node holds: the DHT returns at most one bucket
 * of those, always the same ones, and then asks nobody else.
 */
export const askNetworkOnly = (options: RoutingOptions): RoutingOptions =>
  Object.assign({ ...options }, { [networkOnly]: true })

const recordKeyShape = /\/record\/[^/]+$/
const providerPrefixShape = /\/provider\/[^/]+$/

const receivedMs = (value: Uint8Array): number => {
  try {
    const time = StoredRecord.deserialize(value).timeReceived.getTime()
    return Number.isNaN(time) ? 0 : time
  } catch {
    return 0
  }
}

export interface Freshness {
  /** How long a value is served after it was received. */
  valueMs: number
  now?: () => number
}

/**
 * The datastore as the DHT shall see it: a value that is past its time is not there. The DHT itself serves values for
 * 48 hours. The time counts from when this node received the value, so it does not depend on the author's clock.
 */
export const freshEntries = (store: Datastore, { valueMs, now = Date.now }: Freshness): Datastore => {
  const get = async (key: Key, options?: AbortOptions): Promise<Uint8Array> => {
    const value = await store.get(key, options)
    if (!recordKeyShape.test(key.toString()) || now() - receivedMs(value) <= valueMs) return value
    await store.delete(key, options)
    throw new NotFoundError(`${key.toString()} is past its time`)
  }
  const query = async function* (wanted: Query, options?: AbortOptions): AsyncGenerator<Pair> {
    const isSkipped = options !== undefined && networkOnly in options && providerPrefixShape.test(wanted.prefix ?? '')
    if (!isSkipped) yield* store.query(wanted, options)
  }
  const own: Partial<Datastore> = { get, query }
  return new Proxy(store, {
    get: (target, property) => {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property)
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
