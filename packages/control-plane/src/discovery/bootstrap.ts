import { peerIdFromString } from '@libp2p/peer-id'
import { createBackOff } from './back-off.ts'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Admission } from '../admission/interface.ts'

/** Somebody to start from: of a ticket, of the configuration, or remembered. */
export interface BootstrapPeer {
  peerId: string
  addresses: Multiaddr[]
}

export interface Bootstrap {
  start: () => void
  stop: () => void
}

export interface BootstrapInit {
  self: PeerId
  /** In the order in which they are tried; asked again at every round, so that it may grow. */
  peers: () => BootstrapPeer[]
  /** Dials and waits for admission. */
  connect: (peer: PeerId, options: { addresses: Multiaddr[]; signal: AbortSignal }) => Promise<unknown>
  admission: Pick<Admission, 'members' | 'has' | 'onChange'>
  /** A dial failed; what the book of remembered peers wants to know. */
  onFailed?: (peerId: string, error: unknown) => void
  /** With this many members connected it stops dialling. */
  targetDegree?: number
  concurrency?: number
  baseMs?: number
  maxMs?: number
  now?: () => number
  random?: () => number
}

/** After the loss of a neighbour: a mesh that loses one node must not dial as one. */
const pokeMs = 500
/** Below the target with nobody left to try, the list of peers is looked at again after this. */
const idleMs = 30_000

/**
 * Keeps this node connected: dials known peers until enough members are connected, backs off from each by itself, and
 * turns to the others when its neighbours die. The host's own redialling knows no back-off while a dial succeeds.
 */
export const createBootstrap = ({
  self,
  peers,
  connect,
  admission,
  onFailed,
  targetDegree = 8,
  concurrency = 3,
  baseMs = 1_000,
  maxMs = 120_000,
  now = Date.now,
  random = Math.random
}: BootstrapInit): Bootstrap => {
  const backOff = createBackOff({ baseMs, maxMs, goodAfterMs: 60_000, now, random })
  const dialling = new Set<string>()
  let stopping: AbortController | undefined
  let timer: NodeJS.Timeout | undefined
  let stopListening: (() => void) | undefined

  const schedule = (delayMs: number): void => {
    clearTimeout(timer)
    if (stopping !== undefined) timer = setTimeout(round, Math.max(0, delayMs)).unref()
  }

  const dial = async (peer: BootstrapPeer, signal: AbortSignal): Promise<void> => {
    dialling.add(peer.peerId)
    backOff.attempted(peer.peerId)
    try {
      await connect(peerIdFromString(peer.peerId), { addresses: peer.addresses, signal })
      backOff.connected(peer.peerId)
    } catch (err) {
      if (!signal.aborted) onFailed?.(peer.peerId, err)
    } finally {
      dialling.delete(peer.peerId)
      if (!signal.aborted) schedule(0)
    }
  }

  const round = (): void => {
    if (stopping === undefined) return
    const { signal } = stopping
    const open = targetDegree - admission.members().length - dialling.size
    if (open <= 0) return
    const known = peers()
    backOff.keep(new Set(known.map((peer) => peer.peerId)))
    const waiting = known.filter(
      ({ peerId }) => peerId !== self.toString() && !dialling.has(peerId) && !admission.has(peerIdFromString(peerId))
    )
    const due = waiting.filter(({ peerId }) => backOff.notBefore(peerId) <= now())
    const chosen = due.slice(0, Math.min(open, concurrency - dialling.size))
    for (const peer of chosen) void dial(peer, signal)
    if (dialling.size > 0) return // a finished dial starts the next round
    schedule(Math.min(idleMs, ...waiting.map(({ peerId }) => backOff.notBefore(peerId) - now())))
  }

  return {
    start: () => {
      if (stopping !== undefined) return
      stopping = new AbortController()
      stopListening = admission.onChange((change, peer) => {
        if (change === 'admit') backOff.connected(peer.toString())
        if (change !== 'gone') return
        backOff.ended(peer.toString())
        schedule(pokeMs * (0.5 + random()))
      })
      schedule(0)
    },
    stop: () => {
      clearTimeout(timer)
      stopListening?.()
      stopping?.abort()
      stopping = undefined
    }
  }
}
