import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * What clients are owed: each connection gets one reply after the other, and a request is not begun before those in front
 * of it are answered (RFC 9112, section 9.3.2).
 */
export class OwedReplies {
  readonly #owed = new WeakMap<Duplex, Set<ServerResponse>>()

  /**
   * A request has come. `begin` is called when it is its turn; never, where the connection is over before that.
   * @returns how many its client is owed, with this one
   */
  add(socket: Duplex, reply: ServerResponse, begin: () => void): number {
    const before = this.last(socket)
    const owed = this.#owed.get(socket) ?? new Set()
    this.#owed.set(socket, owed.add(reply))
    reply.once('close', () => owed.delete(reply))
    runAfter(before, socket, begin)
    return owed.size
  }

  /** The reply to the newest request. */
  last(socket: Duplex): ServerResponse | undefined {
    let last: ServerResponse | undefined
    for (const reply of this.#owed.get(socket) ?? []) last = reply
    return last
  }

  /** Once nothing is owed any more; never, where the connection is over before that. */
  whenPaid(socket: Duplex, run: () => void): void {
    runAfter(this.last(socket), socket, run)
  }

  /** As {@link whenPaid}, for a connection that has left the HTTP server, which then tells no reply that it has room. */
  whenPaidDetached(socket: Duplex, run: () => void): void {
    if (this.last(socket) === undefined) {
      run()
      return
    }
    const onDrain = (): void => {
      for (const reply of this.#owed.get(socket) ?? []) reply.emit('drain')
    }
    socket.on('drain', onDrain)
    this.whenPaid(socket, () => {
      socket.off('drain', onDrain)
      run()
    })
  }
}

const runAfter = (before: ServerResponse | undefined, socket: Duplex, run: () => void): void => {
  if (before === undefined) run()
  else
    before.once('close', () => {
      if (!socket.destroyed) run()
    })
}
