import { peerIdFromString } from '@libp2p/peer-id'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { planRelays, type RelayCandidate, type RelayStep } from './relay-plan.ts'
import { RelayRefusals, type RelayRefusal } from './relay-refusals.ts'
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
  /** A place is not needed any more. */
  onGivenUp?: (place: Reservation) => void
  reserve?: (connection: Connection, signal: AbortSignal) => Promise<Reservation>
  now?: () => number
  /** At least 0, below 1. */
  random?: () => number
  reservationMs?: number
  intervalMs?: number
}

/** Looks at its places so often, to renew them; whoever comes or goes is noticed at once. */
const defaultIntervalMs = 30_000

/** Keeps places at relays, so that a node that nobody can dial is still called. */
export class RelayKeeper {
  readonly #init: RelayKeeperInit
  readonly #now: () => number
  readonly #refusals: RelayRefusals
  readonly #failed = { get: (peer: string) => this.#refusals.get(peer)?.untilMs }
  /** When carriers gave the places that they hold. */
  readonly #givenMs = new WeakMap<Connection, number>()
  /** Carriers that are asked at this moment. */
  readonly #asking = new Set<string>()
  #wake: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #stopListening: () => void = () => {}
  #turning: Promise<void> | undefined
  #isAsked = false
  #life = new AbortController()

  constructor(init: RelayKeeperInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
    this.#refusals = new RelayRefusals({ now: this.#now, random: init.random ?? Math.random })
  }

  /** How this node is reached through its relays, without its own peer id at the end; by relay in turn, members first. */
  addresses(): Multiaddr[] {
    const places = this.#init.held.all().toSorted((a, b) => Number(a.isCarrier ?? false) - Number(b.isCarrier ?? false))
    const lists = places.map(({ addresses }) => addresses)
    const longest = Math.max(0, ...lists.map(({ length }) => length))
    return Array.from({ length: longest }, (_, place) => lists.flatMap((list) => list.slice(place, place + 1))).flat()
  }

  start(): void {
    this.#life = new AbortController()
    this.#stopListening = this.#init.admission.onChange((change, peer) => {
      // who is back may have a place again
      if (change !== 'gone') this.#refusals.forget(peer.toString())
      // a relay that was started again knows nothing of the place
      if (change !== 'admit' && this.#init.held.drop(peer)) this.#init.onChange()
      this.look()
    })
    this.#timer = setInterval(() => this.look(), this.#init.intervalMs ?? defaultIntervalMs)
    this.look()
  }

  /** A connection has ended; where a carrier held a place on it, the place has ended with it. */
  closed(connection: Connection): void {
    const place = this.#init.held.all().find((one) => one.isCarrier === true && one.connection === connection)
    if (place === undefined) return
    this.#init.held.drop(place.relay)
    const { relay } = place
    const isShort = this.#now() - (this.#givenMs.get(connection) ?? 0) < limits.carrierRetryMs
    const lost = new MeshError(
      'CONNECTION_LOST',
      `The carrier ${relay.toString()} hung up as soon as it had given a place.`
    )
    // not again at once, and again
    if (isShort) this.#refusals.note(relay.toString(), lost, true)
    this.#init.onChange()
    this.look()
  }

  /** The network of this machine is another one: relays that could not be asked may be asked now. */
  moved(): void {
    this.#refusals.clear()
    this.look()
  }

  /** Why a relay holds no place, as it said last, and when it is asked again. */
  refusal(relay: string): RelayRefusal | undefined {
    return this.#refusals.get(relay)
  }

  isAsking(relay: string): boolean {
    return this.#asking.has(relay)
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#wake)
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
    const known = await candidates().catch(() => [])
    const steps = planRelays({
      self: self.toString(),
      wanted: count,
      candidates: known,
      held: held.all().map(({ relay, expiresMs, isCarrier = false }) => ({
        peer: relay.toString(),
        expiresMs,
        isCarrier
      })),
      failedUntilMs: this.#failed,
      nowMs,
      reservationMs
    })
    const carriers = new Set(known.filter(({ isCarrier }) => isCarrier).map(({ peer }) => peer))
    const changes = await Promise.all(steps.map(async (step) => this.#take(step, carriers.has(step.peer))))
    this.#wakeFor(carriers)
    if (changes.includes(true) && !this.#life.signal.aborted) this.#init.onChange()
  }

  /** The back-off of a carrier begins shorter than the time between two looks. */
  #wakeFor(carriers: ReadonlySet<string>): void {
    clearTimeout(this.#wake)
    const times = [...carriers].flatMap((peer) => this.#refusals.get(peer)?.untilMs ?? [])
    const next = Math.min(...times.filter((atMs) => atMs > this.#now()))
    if (next === Infinity || this.#life.signal.aborted) return
    this.#wake = setTimeout(() => this.look(), next - this.#now() + 1).unref()
  }

  /** @returns whether the addresses of this node are others now */
  async #take(step: RelayStep, isCarrier: boolean): Promise<boolean> {
    const { held, connect, onFailed } = this.#init
    const relay = peerIdFromString(step.peer)
    const before = held.all().find((one) => one.relay.equals(relay))
    if (step.do === 'give-up') {
      if (before !== undefined) this.#init.onGivenUp?.(before)
      return held.drop(relay)
    }
    if (isCarrier) this.#asking.add(step.peer)
    const signal = AbortSignal.any([this.#life.signal, AbortSignal.timeout(limits.relayAnswerMs)])
    try {
      const place = await (this.#init.reserve ?? reserve)(await connect(relay, signal), signal)
      if (this.#life.signal.aborted) return false
      if (isCarrier && place.connection.status !== 'open')
        throw new MeshError('CONNECTION_LOST', `The carrier ${step.peer} closed the connection.`)
      held.put(isCarrier ? { ...place, isCarrier } : place)
      if (!this.#givenMs.has(place.connection)) this.#givenMs.set(place.connection, this.#now())
      this.#refusals.forget(step.peer)
      return String(before?.addresses) !== String(place.addresses)
    } catch (err) {
      if (this.#life.signal.aborted) return false
      const error = toMeshError(err, 'RELAY_REFUSED')
      this.#refusals.note(step.peer, error, isCarrier)
      onFailed?.(relay, error)
      this.#isAsked = true // another one, at once
      return held.drop(relay)
    } finally {
      this.#asking.delete(step.peer)
    }
  }
}
