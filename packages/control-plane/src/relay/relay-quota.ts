import { BoundedMap } from '../admission/bounded-map.ts'

export interface RelayQuotaInit {
  /** Circuits at once, of all members together. */
  circuits: number
  /** Circuits at once of the member that opened them. */
  circuitsPerPeer: number
  /** What one member may send through this relay in a second, */
  bytesPerSecond: number
  /** and in an hour. */
  bytesPerHour: number
  /** Milliseconds; only differences matter. */
  now: () => number
}

interface Account {
  circuits: number
  /** When the bytes that were passed on are paid for at the rate of the member. */
  paidMs: number
  hourStartMs: number
  hourBytes: number
}

const hourMs = 3_600_000
/** What may pass at once before the rate holds it back: one second of it. */
const burstMs = 1_000
/** Members whose use is remembered; whoever has a circuit is never forgotten. */
const accounts = 4_096

/** What each member may have of a relay, counted by who sends and who calls. Pure but for the clock that it is given. */
export class RelayQuota {
  readonly #init: RelayQuotaInit
  readonly #accounts: BoundedMap<string, Account> = new BoundedMap<string, Account>(
    accounts,
    (peer) => (this.#accounts.get(peer)?.circuits ?? 0) > 0
  )
  #circuits = 0

  constructor(init: RelayQuotaInit) {
    this.#init = init
  }

  /** Circuits that are open. */
  get circuits(): number {
    return this.#circuits
  }

  /** Takes a circuit for who calls. @returns false where there is none left, or its hour is used up */
  open(peer: string): boolean {
    const account = this.#account(peer)
    if (this.#circuits >= this.#init.circuits || account.circuits >= this.#init.circuitsPerPeer) return false
    if (account.hourBytes >= this.#init.bytesPerHour) return false
    account.circuits += 1
    this.#circuits += 1
    return true
  }

  close(peer: string): void {
    this.#circuits -= 1
    this.#account(peer).circuits -= 1
  }

  /**
   * Charges bytes to who sends them.
   * @returns milliseconds that the sender has to pause, or undefined where its hour is used up
   */
  spend(peer: string, bytes: number): number | undefined {
    const account = this.#account(peer)
    const nowMs = this.#init.now()
    account.hourBytes += bytes
    if (account.hourBytes > this.#init.bytesPerHour) return undefined
    account.paidMs = Math.max(account.paidMs, nowMs - burstMs) + (bytes / this.#init.bytesPerSecond) * 1_000
    return Math.max(0, account.paidMs - nowMs)
  }

  #account(peer: string): Account {
    const nowMs = this.#init.now()
    const account = this.#accounts.get(peer) ?? { circuits: 0, paidMs: 0, hourStartMs: nowMs, hourBytes: 0 }
    if (nowMs - account.hourStartMs >= hourMs) {
      account.hourStartMs = nowMs
      account.hourBytes = 0
    }
    this.#accounts.set(peer, account)
    return account
  }
}
