import { NotFoundError } from '@libp2p/interface'
import { Record as StoredRecord } from '@libp2p/kad-dht'
import type { AbortOptions } from '@libp2p/interface'
import type { Datastore, Key } from 'interface-datastore'

const recordKeyShape = /\/record\/[^/]+$/

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
  const own: Partial<Datastore> = { get }
  return new Proxy(store, {
    get: (target, property) => {
      if (Object.hasOwn(own, property)) return Reflect.get(own, property)
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
