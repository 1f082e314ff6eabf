import { deadline } from './deadline.ts'
import { endOnError } from './parallel.ts'
import type { PeerId } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import type { AgentDht, RoutingTable } from './dht.ts'

/** Keeps the routing table to the members that are connected. */
export interface TableKeeper {
  start: () => void
  stop: () => void
  /**
   * Whether there is somebody to ask, after a wait of at most `ms` where members are connected but not in the table
   * yet. A query on an empty table waits for a first peer until its own deadline, a lone node's for ever.
   */
  ready: (ms: number, signal: AbortSignal) => Promise<boolean>
}

export interface TableKeeperInit {
  dht: Pick<AgentDht, 'routingTable' | 'getClosestPeers'>
  admission: Pick<Admission, 'connections' | 'members' | 'onChange'>
  self: PeerId
  random?: () => number
  /** First pause between two looks; it doubles while there is nothing to mend. */
  firstLookMs?: number
}

/** One bucket: so many neighbours know everybody that a small mesh has. */
const enough = 20
/** With fewer neighbours than this, the neighbourhood is searched again. */
const few = 8
const lastLookMs = 60_000
const offerTimeoutMs = 10_000

const untilPeer = async (table: RoutingTable, ms: number, outer: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const signal = deadline(ms, outer)
  const done = (): void => resolve()
  table.addEventListener('peer:add', done)
  signal.addEventListener('abort', done, { once: true })
  try {
    await promise
  } finally {
    table.removeEventListener('peer:add', done)
    signal.removeEventListener('abort', done)
  }
}

/**
 * The DHT looks at a new neighbour once, by a ping that a busy moment makes too late, and at its neighbourhood every
 * five minutes; it keeps a neighbour that left until a bucket is full. So members that are connected are offered to
 * the table again, those that left are taken out, and a node with few neighbours looks for more.
 */
export const createTableKeeper = ({
  dht,
  admission,
  self,
  random = Math.random,
  firstLookMs = 2_000
}: TableKeeperInit): TableKeeper => {
  const table = dht.routingTable
  let stopping: AbortController | undefined
  let stopListening: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let pauseMs = firstLookMs

  /** The DHT stays off connections whose bytes are counted: who is behind one answers no query. */
  const askable = (): PeerId[] =>
    admission.members().filter((peer) => admission.connections(peer).some((one) => one.limits === undefined))

  const offer = (): void => {
    const members = askable()
    if (stopping === undefined || table.size >= Math.min(enough, members.length)) return
    const signal = deadline(offerTimeoutMs, stopping.signal)
    // Known ones are passed over; a ping that fails is tried again at the next look.
    for (const peer of members.slice(0, enough)) table.add(peer, { signal }).catch(() => undefined)
  }

  const searchNeighbourhood = async (signal: AbortSignal): Promise<void> => {
    const query = dht.getClosestPeers(self.toMultihash().bytes, { signal: deadline(offerTimeoutMs, signal) })
    for await (const event of endOnError(query)) void event // whoever answers gets into the table
  }

  const look = async (): Promise<void> => {
    if (stopping === undefined) return
    const { signal } = stopping
    const before = table.size
    offer()
    if (before > 0 && before < few) await searchNeighbourhood(signal)
    if (!signal.aborted) schedule(table.size === before ? Math.min(2 * pauseMs, lastLookMs) : firstLookMs)
  }

  const schedule = (ms: number): void => {
    clearTimeout(timer)
    pauseMs = ms
    timer = setTimeout(() => void look(), ms * (0.75 + 0.5 * random())).unref()
  }

  return {
    start: () => {
      if (stopping !== undefined) return
      stopping = new AbortController()
      stopListening = admission.onChange((change, peer) => {
        if (change === 'gone') table.remove(peer).catch(() => undefined)
        else schedule(firstLookMs)
      })
      schedule(firstLookMs)
    },
    stop: () => {
      clearTimeout(timer)
      stopListening?.()
      stopping?.abort()
      stopping = undefined
    },
    ready: async (ms, signal) => {
      if (table.size === 0 && askable().length > 0 && !signal.aborted) {
        offer()
        await untilPeer(table, ms, signal)
      }
      return table.size > 0
    }
  }
}
