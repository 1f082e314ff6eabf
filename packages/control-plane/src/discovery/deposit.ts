import { equals } from 'uint8arrays/equals'
import { endOnError, parallelMap } from './parallel.ts'
import type { CID } from 'multiformats/cid'
import type { AgentDht } from './dht.ts'

/** What became of a value at the peers that were asked to hold it. */
export interface Deposit {
  /** Peers that repeated the value: it is stored there. */
  storedBy: number
  /** Peers that refused it or did not answer. */
  refusedBy: number
}

/** One announcement is a walk through the DHT; more at once starve everything else of streams. */
const provideConcurrency = 4

/** Stores a value. `put` itself resolves though every holder refused: only an answer that repeats the value counts. */
export const depositValue = async (
  dht: Pick<AgentDht, 'put'>,
  key: Uint8Array,
  value: Uint8Array,
  signal: AbortSignal
): Promise<Deposit> => {
  const confirmed = new Set<string>()
  const refused = new Set<string>()
  for await (const event of endOnError(dht.put(key, value, { signal }))) {
    if (event.name === 'QUERY_ERROR') refused.add(event.from.toString())
    if (event.name !== 'PEER_RESPONSE' || event.messageName !== 'PUT_VALUE' || event.record === undefined) continue
    if (equals(event.record.value, value)) confirmed.add(event.from.toString())
  }
  for (const peer of confirmed) refused.delete(peer)
  return { storedBy: confirmed.size, refusedBy: refused.size }
}

/** Announces this node under each key. @returns the keys that at least one peer was told */
export const announceKeys = async (
  dht: Pick<AgentDht, 'provide'>,
  keys: Map<string, CID>,
  signal: AbortSignal
): Promise<Set<string>> => {
  const source = (async function* () {
    yield* keys
  })()
  const announce = parallelMap(provideConcurrency, async ([id, cid]: [string, CID]) => {
    let isTold = false
    for await (const event of endOnError(dht.provide(cid, { signal }))) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') isTold = true
    }
    return { id, isTold }
  })
  const told = new Set<string>()
  for await (const { id, isTold } of announce(source)) {
    if (isTold) told.add(id)
  }
  return told
}
