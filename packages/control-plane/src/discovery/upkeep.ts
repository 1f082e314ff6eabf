import { peerIdFromString } from '@libp2p/peer-id'
import { UpkeepPlan, type UpkeepCandidate, type UpkeepKnobs, type UpkeepReason } from './upkeep-plan.ts'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Admission } from '../admission/interface.ts'

/** A member that can be dialled: of a ticket, of the configuration, remembered, or named by its record. */
export interface UpkeepPeer extends UpkeepCandidate {
  addresses: Multiaddr[]
}

export interface Upkeep {
  start: () => void
  stop: () => void
}

export interface UpkeepInit extends Partial<UpkeepKnobs> {
  self: PeerId
  /** Best first; asked again at every look, so that it may grow. */
  peers: () => UpkeepPeer[]
  /** Dials and waits for admission. */
  connect: (peer: PeerId, options: { addresses: Multiaddr[]; signal: AbortSignal }) => Promise<unknown>
  admission: Pick<Admission, 'members' | 'onChange'>
  /** As of {@link UpkeepPlan}. */
  isHeardSince?: (peer: string, sinceMs: number) => boolean
  /** A dial failed; what the book of remembered peers wants to know. */
  onFailed?: (peerId: string, error: unknown, reason: UpkeepReason) => void
  /** A member that was lost was reached again. */
  onReunion?: (peerId: string) => void
  now?: () => number
  random?: () => number
}

/** Looks that follow each other are at least this far apart, whatever happens meanwhile. */
const breathMs = 10

/** Keeps this node in the overlay. The host's own redialling is off: it knows no pause while a dial succeeds. */
export const createUpkeep = (init: UpkeepInit): Upkeep => {
  const { self, peers, connect, admission, isHeardSince = () => false, onFailed, onReunion } = init
  const { now = Date.now, random = Math.random } = init
  let known = new Map<string, UpkeepPeer>()
  let plan: UpkeepPlan | undefined
  let stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let stopListening: (() => void) | undefined

  const arm = (): void => {
    clearTimeout(timer)
    if (plan !== undefined) timer = setTimeout(look, Math.max(breathMs, plan.nextMs() - now())).unref()
  }

  const dial = async (peerId: string, reason: UpkeepReason, signal: AbortSignal): Promise<void> => {
    const addresses = known.get(peerId)?.addresses ?? []
    try {
      await connect(peerIdFromString(peerId), { addresses, signal })
      plan?.ended(peerId, true)
      if (reason === 'reunion') onReunion?.(peerId)
    } catch (err) {
      plan?.ended(peerId, false)
      if (!signal.aborted) onFailed?.(peerId, err, reason)
    }
    arm()
  }

  const look = (): void => {
    for (const { peerId, reason } of plan?.due() ?? []) void dial(peerId, reason, stopping.signal)
    arm()
  }

  return {
    start: () => {
      if (plan !== undefined) return
      stopping = new AbortController()
      const started = new UpkeepPlan({
        ...init,
        now,
        random,
        self: self.toString(),
        isHeardSince,
        members: () => admission.members().map((peer) => peer.toString()),
        candidates: () => {
          known = new Map(peers().map((peer) => [peer.peerId, peer]))
          return [...known.values()]
        }
      })
      plan = started
      stopListening = admission.onChange((change, peer) => {
        if (change === 'admit') started.admitted(peer.toString())
        if (change === 'gone') started.gone(peer.toString())
        arm()
      })
      arm()
    },
    stop: () => {
      clearTimeout(timer)
      stopListening?.()
      stopping.abort()
      plan = undefined
    }
  }
}
