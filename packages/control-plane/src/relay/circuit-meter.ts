import { limits, MeshError } from '@agent-mesh/wire'
import { limitText, sizeText, type CircuitLimit } from './circuit-limit.ts'
import type { Connection, ConnectionLimits } from '@libp2p/interface'

export interface CircuitMeterInit {
  /** Peer id of the carrier. */
  carrier: string
  limit: CircuitLimit
  /** Whether the connection to the carrier itself is open still. */
  isCarrierThere: () => boolean
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
}

/** Of what is left, when another connection is opened to take over. */
const lowShare = 0.25
/** From this share on a cut without a word is put down to the bytes: each end counts what it has seen, which may be half. */
const cutShare = 0.5

/**
 * One connection through a carrier against the limits that the carrier named for it. A carrier that cuts says nothing, and
 * what was on its way is gone; so both ends count for themselves, bytes of both directions together, and end it a little
 * earlier. It is the `limits` of its connection, which is how libp2p knows that only some protocols may use it.
 */
export class CircuitMeter implements ConnectionLimits {
  readonly carrier: string
  readonly limit: CircuitLimit
  readonly #init: CircuitMeterInit
  readonly #now: () => number
  readonly #startedMs: number
  #counted = 0
  /** Handed over by tunnels and not seen here yet. */
  #promised = 0
  #isOver = false
  #onBytes: () => void = () => {}

  constructor(init: CircuitMeterInit) {
    this.#init = init
    this.carrier = init.carrier
    this.limit = init.limit
    this.#now = init.now ?? (() => performance.now())
    this.#startedMs = this.#now()
  }

  /** For libp2p: what is left. */
  get bytes(): bigint {
    return BigInt(Math.max(0, (this.limit.bytes ?? Number.MAX_SAFE_INTEGER) - this.#counted))
  }

  get seconds(): number {
    return Math.max(0, Math.round((this.limit.seconds ?? Number.MAX_SAFE_INTEGER) - this.ageMs / 1_000))
  }

  get ageMs(): number {
    return this.#now() - this.#startedMs
  }

  /** In both directions, handshakes included. */
  get usedBytes(): number {
    return this.#counted + this.#promised
  }

  /** That tunnels may still hand over. */
  get leftBytes(): number {
    const { bytes } = this.limit
    if (this.#isOver || this.leftMs <= 0) return 0
    if (bytes === undefined) return Infinity
    return Math.max(0, bytes - Math.min(limits.carrierReserveBytes, bytes / 2) - this.usedBytes)
  }

  /** Until this end gives it up; Infinity where its time is not limited. */
  get leftMs(): number {
    const { seconds } = this.limit
    if (seconds === undefined) return Infinity
    const ms = seconds * 1_000
    return ms - Math.min(limits.carrierReserveMs, ms / 2) - this.ageMs
  }

  get isSpent(): boolean {
    return this.leftBytes <= 0
  }

  /** Little is left: another connection should be there when this one ends. */
  get isLow(): boolean {
    const { bytes = Infinity, seconds = Infinity } = this.limit
    return this.leftBytes < bytes * lowShare || this.leftMs < seconds * 1_000 * lowShare
  }

  /** Until it is low by its time; Infinity where it is not limited. */
  get lowInMs(): number {
    return this.leftMs - (this.limit.seconds ?? 0) * 1_000 * lowShare
  }

  /** So much came. */
  received(bytes: number): void {
    this.#counted += bytes
    this.#onBytes()
  }

  /** So much left, what tunnels had handed over first of all. */
  sent(bytes: number): void {
    this.#promised = Math.max(0, this.#promised - bytes)
    this.received(bytes)
  }

  /** A tunnel hands over so much, which passes the encryption before it is counted. */
  take(bytes: number): void {
    this.#promised += bytes
    this.#onBytes()
  }

  /** The other end says that it is used up: what is on its way was not seen here yet. */
  end(): void {
    this.#isOver = true
    this.#onBytes()
  }

  /** Calls back whenever something has passed. */
  watch(onBytes: () => void): void {
    this.#onBytes = onBytes
  }

  /** What this end, or the other one, ends it with. */
  error(): MeshError {
    return this.leftMs <= 0 ? this.#timeError() : this.#bytesError('used up')
  }

  /** Why the connection ended without a word; undefined where it was not the carrier, as far as this end can know. */
  cut(): MeshError | undefined {
    const { bytes, seconds } = this.limit
    if (this.isSpent) return this.error()
    if (!this.#init.isCarrierThere()) return undefined
    if (seconds !== undefined && this.leftMs <= limits.carrierReserveMs) return this.#timeError()
    if (bytes !== undefined && this.usedBytes >= bytes * cutShare) return this.#bytesError('cut')
    return undefined
  }

  #timeError(): MeshError {
    const { seconds = 0 } = this.limit
    return this.#limitError('seconds', seconds, `${Math.round(seconds)} s`, 'its time is over')
  }

  #bytesError(what: 'used up' | 'cut'): MeshError {
    const { bytes = 0 } = this.limit
    const seen = `${sizeText(this.usedBytes)} had passed here`
    return this.#limitError('bytes', bytes, sizeText(bytes), what === 'cut' ? `it was cut when ${seen}` : seen)
  }

  #limitError(which: 'bytes' | 'seconds', value: number, text: string, why: string): MeshError {
    return new MeshError('CARRIER_LIMIT', `The carrier ${this.carrier} gives ${text} to each connection; ${why}.`, {
      details: { carrier: this.carrier, limit: which, value }
    })
  }

  /** `12 KiB and 30 s`. */
  useText(): string {
    return limitText({ bytes: this.usedBytes, seconds: this.ageMs / 1_000 })
  }

  toString(): string {
    return `carrier ${this.carrier}, ${limitText(this.limit)} for each connection`
  }
}

/** Of a connection through a carrier; undefined for every other one. */
export const circuitMeter = ({ limits: known }: Pick<Connection, 'limits'>): CircuitMeter | undefined =>
  known instanceof CircuitMeter ? known : undefined
