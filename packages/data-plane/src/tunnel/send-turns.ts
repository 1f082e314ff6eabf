/** Somebody with bytes for a connection. */
export interface Sender {
  /** Whether the connection takes bytes of this sender at the moment. */
  readonly isReady: boolean
  /** Sends one frame, a large one where nobody else waits; returns whether there is more to send. */
  sendOne: (isAlone: boolean) => boolean
}

/**
 * Lets the tunnels of one connection take turns, one frame each, the longest waiting first.
 *
 * A connection that was full tells its streams in their order when it takes bytes again, and is full again after the
 * first of them. Without turns the oldest tunnel would get everything, and a new one could not even be opened.
 */
export class SendTurns {
  readonly #waiting = new Set<Sender>()
  #isScheduled = false
  #isRunning = false

  /** Queues a sender; it sends at once where nothing holds it up. */
  request(sender: Sender): void {
    const isAlone = this.#waiting.size === 0 && !this.#isRunning
    if (!isAlone || this.#runAlone(sender)) this.#waiting.add(sender)
    this.#run()
  }

  cancel(sender: Sender): void {
    this.#waiting.delete(sender)
  }

  /**
   * To be called when a stream may have become ready. The turns begin two microtasks later: first every stream of the
   * connection sends what it holds back itself, which is how opens, answers and credits get ahead of the payload.
   */
  wake(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return
    this.#isScheduled = true
    queueMicrotask(() =>
      queueMicrotask(() => {
        this.#isScheduled = false
        this.#run()
      })
    )
  }

  /** Sends without turns while nobody else waits; returns whether there is more. */
  #runAlone(sender: Sender): boolean {
    this.#isRunning = true
    try {
      while (sender.isReady && this.#waiting.size === 0) if (!sender.sendOne(true)) return false
      return true
    } finally {
      this.#isRunning = false
    }
  }

  /** A set is walked in the order of insertion, and what is added meanwhile is walked too: round after round. */
  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      for (const sender of this.#waiting) {
        if (!sender.isReady) continue
        this.#waiting.delete(sender)
        if (sender.sendOne(this.#waiting.size === 0)) this.#waiting.add(sender)
      }
    } finally {
      this.#isRunning = false
    }
  }
}
