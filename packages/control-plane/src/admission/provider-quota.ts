import { limits } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'
import type { Key } from 'interface-datastore'

/** `…/provider/<key>/<peer id>` */
const providerShape = /\/provider\/[^/]+\/([^/]+)$/

/** Letters of an entry: the longest that a node of this network makes has 140. */
const mostKeyLength = 256

/** What a node announced before, it announces no more, but it is held for the rest of its time. */
const mostPerProvider = 2 * limits.providerKeysPerNode

export type QuotaVerdict = { is: 'kept' } | { is: 'refused' } | { is: 'kept'; instead: Key }

/**
 * How many keys one member may be listed under at this holder: twice what it may publish. The DHT takes any number of
 * announcements of any length; one more than that pushes out the oldest of the same member, and nobody else's.
 */
export class ProviderQuota {
  readonly #keys = new BoundedMap<string, Map<string, Key>>(limits.membersRemembered)

  /** What to do with an entry that is to be stored. */
  admit(key: Key): QuotaVerdict {
    const text = key.toString()
    const provider = providerShape.exec(text)?.[1]
    if (provider === undefined) return { is: 'kept' }
    if (text.length > mostKeyLength) return { is: 'refused' }
    const held = this.#keys.get(provider) ?? new Map<string, Key>()
    held.delete(text)
    held.set(text, key)
    this.#keys.set(provider, held)
    const [oldest] = held
    if (held.size <= mostPerProvider || oldest === undefined) return { is: 'kept' }
    held.delete(oldest[0])
    return { is: 'kept', instead: oldest[1] }
  }
}
