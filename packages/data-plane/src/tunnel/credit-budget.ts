import { limits, MeshError } from '@agent-mesh/wire'

/** Bounds of the receive windows; all in bytes. */
export interface CreditLimits {
  initialBytes: number
  grownBytes: number
  maxBytes: number
  perPeerBytes: number
  perNodeBytes: number
}

const standard: CreditLimits = {
  initialBytes: limits.creditInitialBytes,
  grownBytes: limits.creditGrownBytes,
  maxBytes: limits.creditMaxBytes,
  perPeerBytes: limits.creditPerPeerBytes,
  perNodeBytes: limits.creditPerNodeBytes
}

interface Account {
  tunnels: number
  reserved: number
  held: number
}

const account = (): Account => ({ tunnels: 0, reserved: 0, held: 0 })

/**
 * What all receive windows may add up to, per peer and for the node.
 *
 * Every tunnel has its initial window, because a sender may use that much unasked. Growth beyond it comes out of what is
 * left, and no tunnel grows beyond an equal share. With very many tunnels the initial windows alone would exceed the
 * budget, so the bytes that really wait for readers are bounded as well: whoever brings one too many is reset.
 */
export class CreditBudget {
  readonly limits: CreditLimits
  readonly #node = account()
  readonly #peers = new Map<string, Account>()

  constructor(bounds: Partial<CreditLimits> = {}) {
    this.limits = { ...standard, ...bounds }
  }

  /** Opens the lease of one tunnel; it starts with the initial window. */
  open(peer: string): CreditLease {
    const peerAccount = this.#peers.get(peer) ?? account()
    this.#peers.set(peer, peerAccount)
    return new CreditLease(this.limits, this.#node, peerAccount, () => {
      if (peerAccount.tunnels === 0) this.#peers.delete(peer)
    })
  }

  /** Sums over all open tunnels, in bytes; `peers` counts those with a tunnel. */
  get usage(): { reservedBytes: number; heldBytes: number; tunnels: number; peers: number } {
    return {
      reservedBytes: this.#node.reserved,
      heldBytes: this.#node.held,
      tunnels: this.#node.tunnels,
      peers: this.#peers.size
    }
  }
}

/** The part of the budget that one tunnel has. */
export class CreditLease {
  readonly limits: CreditLimits
  readonly #accounts: readonly Account[]
  readonly #node: Account
  readonly #peer: Account
  readonly #onClose: () => void
  #window: number
  #held = 0
  #isOpen = true

  constructor(bounds: CreditLimits, node: Account, peer: Account, onClose: () => void) {
    this.limits = bounds
    this.#node = node
    this.#peer = peer
    this.#accounts = [node, peer]
    this.#onClose = onClose
    this.#window = bounds.initialBytes
    for (const one of this.#accounts) {
      one.tunnels += 1
      one.reserved += this.#window
    }
  }

  /** Size of the window that is reserved, in bytes. */
  get windowBytes(): number {
    return this.#window
  }

  /**
   * Asks for another window size and returns the one that was given: not above an equal share of the budget or what is
   * left of it, and not below `promised`, which the sender may use already.
   */
  resize(wanted: number, promised: number): number {
    if (!this.#isOpen) return this.#window
    const { initialBytes, perPeerBytes, perNodeBytes } = this.limits
    const free = Math.min(perPeerBytes - this.#peer.reserved, perNodeBytes - this.#node.reserved) + this.#window
    const share = Math.min(perPeerBytes / this.#peer.tunnels, perNodeBytes / this.#node.tunnels)
    const next = Math.max(initialBytes, promised, Math.min(wanted, Math.floor(share), free))
    for (const one of this.#accounts) one.reserved += next - this.#window
    this.#window = next
    return next
  }

  /**
   * Counts bytes that arrived and wait for the reader.
   * @throws MeshError LIMIT_EXCEEDED where a peer or the node would hold too much
   */
  hold(bytes: number): void {
    if (!this.#isOpen) return
    const { perPeerBytes, perNodeBytes } = this.limits
    if (this.#peer.held + bytes > perPeerBytes)
      throw new MeshError('LIMIT_EXCEEDED', `More than ${perPeerBytes} bytes of one peer wait for their readers.`)
    if (this.#node.held + bytes > perNodeBytes)
      throw new MeshError('LIMIT_EXCEEDED', `More than ${perNodeBytes} bytes wait for their readers on this node.`)
    this.#held += bytes
    for (const one of this.#accounts) one.held += bytes
  }

  /** Bytes that went to the reader. */
  release(bytes: number): void {
    if (!this.#isOpen) return
    this.#held -= bytes
    for (const one of this.#accounts) one.held -= bytes
  }

  /** Gives everything back; later calls do nothing. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    for (const one of this.#accounts) {
      one.tunnels -= 1
      one.reserved -= this.#window
      one.held -= this.#held
    }
    this.#onClose()
  }
}
