import { multiaddr } from '@multiformats/multiaddr'
import { toMeshError } from '@agent-mesh/wire'
import {
  createUpkeep,
  type Admission,
  type Dialler,
  type HealthView,
  type RecordBook,
  type Upkeep,
  type UpkeepPeer
} from '@agent-mesh/control-plane'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import type { Config } from '../config/schema.ts'
import type { EventBus } from './event-bus.ts'
import type { Memory } from './remember.ts'

export interface UpkeepParts {
  self: PeerId
  admission: Admission
  book: RecordBook
  config: Pick<Config, 'bootstrap'>
  memory: Memory
  dialler: Dialler
  events: EventBus
  /** Who is alive though it is not connected here; without it the records alone say so. */
  health?: Pick<HealthView, 'of'>
}

/** By peer, as one may have several addresses. */
const configured = (bootstrap: readonly string[]): UpkeepPeer[] => {
  const peers = new Map<string, UpkeepPeer>()
  for (const address of bootstrap.map((text) => multiaddr(text))) {
    const peerId = address.getComponents().findLast((part) => part.name === 'p2p')?.value ?? ''
    const addresses = [...(peers.get(peerId)?.addresses ?? []), address.decapsulate(`/p2p/${peerId}`)]
    peers.set(peerId, { peerId, addresses, isFirst: true })
  }
  return [...peers.values()]
}

/**
 * Everybody whom this node could dial: configured members, then those that it remembers, best first, then whoever told
 * where it is in its record. Who has left is called only when there is nobody else.
 */
const upkeepPeers = ({ admission, book, config, memory }: UpkeepParts): UpkeepPeer[] => {
  const records = book.all()
  const left = new Set(records.filter((record) => record.isWithdrawn).map(({ peerId }) => peerId.toString()))
  const isAlone = admission.members().length === 0
  const remembered = memory.peers
    .ranked()
    .filter(({ peerId }) => isAlone || !left.has(peerId))
    .map(({ peerId, addresses }) => ({ peerId, addresses: addresses.map((text) => multiaddr(text)), isFirst: false }))
  const recorded = records
    .filter((record) => !record.isWithdrawn)
    .map(({ peerId, addresses }) => ({ peerId: peerId.toString(), addresses, isFirst: false }))
  const all = [...configured(config.bootstrap), ...remembered, ...recorded]
  const seen = new Set<string>()
  return all.filter(({ peerId }) => !seen.has(peerId) && seen.add(peerId))
}

/** Keeps this node in the overlay. */
export const upkeepOf = (parts: UpkeepParts): Upkeep => {
  const { self, admission, book, memory, dialler, events, health } = parts
  return createUpkeep({
    self,
    admission,
    peers: () => upkeepPeers(parts),
    isHeardSince: (peerId, sinceMs) => {
      const peer = peerIdFromString(peerId)
      if (health?.of(peer)?.state === 'alive') return true
      return (book.arrivedMs(peer) ?? 0) > sinceMs
    },
    connect: async (peer, options) => dialler.connect(peer, options),
    onReunion: (peer) => events.emit('info', 'upkeep:reunion', { peer }),
    onFailed: (peer, error, reason) => {
      memory.peers.failed(peer)
      events.emit('debug', 'upkeep:failed', { peer, reason, code: toMeshError(error).code })
    }
  })
}
