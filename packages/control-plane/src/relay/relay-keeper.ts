import { peerIdFromString } from '@libp2p/peer-id'
import { limits, toMeshError, type MeshError } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { planRelays, type RelayCandidate, type RelayStep } from './relay-plan.ts'
import { reserve, type HeldReservations, type Reservation } from './reservation.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Admission } from '../admission/interface.ts'

export interface RelayKeeperInit {
  self: PeerId
  held: HeldReservations
  admission: Pick<Admission, 'onChange'>
  /** Places that this node wants at this moment; 0 where it is reached without. */
  wanted: () => number
  candidates: () => Promise<RelayCandidate[]>
  /** A connection to a relay that does not run through another one. */
  connect: (relay: PeerId, signal: AbortSignal) => Promise<Connection>
  /** Places came or went: the record has to say so. */
  onChange: () => void
  onFailed?: (relay: PeerId, error: MeshError) => void
  reserve?: (connection: Connection, signal: AbortSignal) => Promise<Reservation>
  now?: () => number
  reservationMs?: number
  intervalMs?: number
}

/** Looks at its places so often, to renew them; whoever comes or goes is noticed at once. */
const defaultIntervalMs = 30_000
/** A relay that said no is asked again after this. */
const retryMs = 60_000
/** Relays whose no is remembered. */
const refusals = 256

/** Keeps places at relays, so that a node that nobody can dial is still called. */
export class RelayKeeper {
  readonly #init: RelayKeeperInit
  readonly #now: () => number
  readonly #failedUntilMs = new BoundedMap<string, number>(refusals)
  readonly #failed = { get: (peer: string) => this.#failedUntilMs.get(peer) }
  #timer: NodeJS.Timeout | undefined
  #stopListening: () => void = () => {}
  #turning: Promise<void> | undefined
  #isAsked = false
  #life = new AbortController()

  constructor(init: RelayKeeperInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  /** How this node is reached through its relays, without its own peer id at the end; by relay in turn. */
  addresses(): Multiaddr[] {
    const lists = this.#init.held.all().map(({ addresses }) => addresses)
    const longest = Math.max(0, ...lists.map(({ length }) => length))
    return Array.from({ length: longest }, (_, place) => lists.flatMap((list) => list.slice(place, place + 1))).flat()
  }

  start(): void {
    this.#life = new AbortController()
    this.#stopListening = this.#init.admission.onChange((change, peer) => {
      // who is back may have a place again
      if (change !== 'gone') this.#failedUntilMs.delete(peer.toString())
      // a relay that was started again knows nothing of the place
      if (change !== 'admit' && this.#init.held.drop(peer)) this.#init.onChange()
      this.look()
    })
    this.#timer = setInterval(() => this.look(), this.#init.intervalMs ?? defaultIntervalMs)
    this.look()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopListening()
    this.#life.abort()
  }

  /** Looks at what is held and wanted, at once or after the look that is under way. */
  look(): void {
    if (this.#life.signal.aborted) return
    if (this.#turning !== undefined) {
      this.#isAsked = true
      return
    }
    this.#turning = this.#turn().finally(() => {
      this.#turning = undefined
      if (!this.#isAsked) return
      this.#isAsked = false
      this.look()
    })
  }

  async #turn(): Promise<void> {
    const { self, held, wanted, candidates, reservationMs = limits.relayReservationMs } = this.#init
    const nowMs = this.#now()
    const count = wanted()
    if (count === 0 && held.all().length === 0) return
    const steps = planRelays({
      self: self.toString(),
      wanted: count,
      candidates: await candidates().catch(() => []),
      held: held.all().map(({ relay, expiresMs }) => ({ peer: relay.toString(), expiresMs })),
      failedUntilMs: this.#failed,
      nowMs,
      reservationMs
    })
    const changes = await Promise.all(steps.map(async (step) => this.#take(step)))
    if (changes.includes(true) && !this.#life.signal.aborted) this.#init.onChange()
  }

  /** @returns whether the addresses of this node are others now */
  async #take(step: RelayStep): Promise<boolean> {
    const { held, connect, onFailed } = this.#init
    const relay = peerIdFromString(step.peer)
    if (step.do === 'give-up') return held.drop(relay)
    const before = held.all().find((one) => one.relay.equals(relay))
    const signal = AbortSignal.any([this.#life.signal, AbortSignal.timeout(limits.relayAnswerMs)])
    try {
      const place = await (this.#init.reserve ?? reserve)(await connect(relay, signal), signal)
      if (this.#life.signal.aborted) return false
      held.put(place)
      return String(before?.addresses) !== String(place.addresses)
    } catch (err) {
      if (this.#life.signal.aborted) return false
      const error = toMeshError(err, 'RELAY_REFUSED')
      this.#failedUntilMs.set(step.peer, this.#now() + retryMs)
      onFailed?.(relay, error)
      this.#isAsked = true // another one, at once
      return held.drop(relay)
    }
  }
}
