import { MeshError } from '@agent-mesh/wire'
import type { CreditLease } from './credit-budget.ts'

/** A window is consumed within this many round trips where it, and not the path, holds the sender up. */
const fullWindowRoundTrips = 1.5

/**
 * The receiving side of the credits of one direction. Pure: bytes and time in, grants out.
 *
 * It starts with the initial window and jumps to the grown one at the first grant to a reader that keeps up. Beyond that
 * it doubles only while the window is what slows the sender down, that is while a whole window passes in about one round
 * trip. The round trip is the shortest time seen between a grant and the first byte that needed it.
 */
export class ReceiveWindow {
  readonly #lease: CreditLease
  #granted: number
  #received = 0
  #consumed = 0
  #roundTripMs = Number.POSITIVE_INFINITY
  #awaited: { beyond: number; sinceMs: number } | undefined
  #last: { consumed: number; atMs: number }

  constructor(lease: CreditLease, nowMs: number) {
    this.#lease = lease
    this.#granted = lease.limits.initialBytes
    this.#last = { consumed: 0, atMs: nowMs }
  }

  get receivedBytes(): number {
    return this.#received
  }

  /** Bytes that wait for the reader. */
  get bufferedBytes(): number {
    return this.#received - this.#consumed
  }

  /**
   * Counts payload that arrived.
   * @throws MeshError TUNNEL_PROTOCOL where the sender had no credit for it, LIMIT_EXCEEDED where the budget is used up
   */
  receive(bytes: number, nowMs: number): void {
    const received = this.#received + bytes
    if (received > this.#granted) {
      throw new MeshError('TUNNEL_PROTOCOL', `The peer sent ${received} bytes with a credit of ${this.#granted}.`)
    }
    this.#lease.hold(bytes)
    this.#received = received
    if (this.#awaited !== undefined && received > this.#awaited.beyond) {
      this.#roundTripMs = Math.min(this.#roundTripMs, nowMs - this.#awaited.sinceMs)
      this.#awaited = undefined
    }
  }

  /** Counts bytes that the reader took. Returns the credit to send: 0 until half a window has come together. */
  consume(bytes: number, nowMs: number): number {
    this.#lease.release(bytes)
    this.#consumed += bytes
    const promised = this.#granted - this.#consumed
    if (promised > this.#lease.windowBytes / 2) return 0
    const window = this.#lease.resize(this.#wanted(nowMs), promised)
    const grant = this.#consumed + window - this.#granted
    if (grant < window / 2) return 0
    this.#awaited ??= { beyond: this.#granted, sinceMs: nowMs }
    this.#granted += grant
    this.#last = { consumed: this.#consumed, atMs: nowMs }
    return grant
  }

  #wanted(nowMs: number): number {
    const { grownBytes, maxBytes } = this.#lease.limits
    const window = this.#lease.windowBytes
    const keepsUp = this.bufferedBytes <= window / 4
    if (!keepsUp) return window
    if (window < grownBytes) return grownBytes
    const windowMs = ((nowMs - this.#last.atMs) * window) / (this.#consumed - this.#last.consumed)
    return windowMs <= fullWindowRoundTrips * this.#roundTripMs ? Math.min(window * 2, maxBytes) : window
  }
}

/** The sending side: what may still be sent. Pure. */
export class SendCredit {
  #available: number

  /** @param initialBytes - what may be sent unasked */
  constructor(initialBytes: number) {
    this.#available = initialBytes
  }

  get availableBytes(): number {
    return this.#available
  }

  /** Uses credit; asking for more than there is is a defect of the caller. */
  take(bytes: number): void {
    if (bytes > this.#available)
      throw new MeshError('INTERNAL', `${bytes} bytes were taken from a credit of ${this.#available}.`)
    this.#available -= bytes
  }

  grant(bytes: number): void {
    this.#available = Math.min(this.#available + bytes, Number.MAX_SAFE_INTEGER)
  }
}
