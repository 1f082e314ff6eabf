import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Counts what all sockets of this process write: with all nodes of a mesh in it, every byte once. */
export class Traffic {
  readonly #open = new Set<Socket>()
  #closedBytes = 0

  start(): void {
    diagnostics.subscribe('net.client.socket', this.#onSocket)
    diagnostics.subscribe('net.server.socket', this.#onSocket)
  }

  stop(): void {
    diagnostics.unsubscribe('net.client.socket', this.#onSocket)
    diagnostics.unsubscribe('net.server.socket', this.#onSocket)
  }

  get bytes(): number {
    let bytes = this.#closedBytes
    for (const socket of this.#open) bytes += socket.bytesWritten
    return bytes
  }

  readonly #onSocket = (message: unknown): void => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- so Node documents these channels
    const { socket } = message as { socket: Socket }
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#closedBytes += socket.bytesWritten
    })
  }
}
