import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** Says its name in the first line, then sends back what it gets. */
export class EchoService {
  readonly address: string
  readonly #server: Server
  readonly #open = new Set<Socket>()

  private constructor(name: string, path: string) {
    this.address = `unix:${path}`
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#open.add(socket)
      socket.on('error', () => {}) // its end of the tunnel is cut
      socket.once('close', () => this.#open.delete(socket))
      socket.write(`${name}\n`)
      socket.pipe(socket)
    })
  }

  static async listen(name: string, path: string): Promise<EchoService> {
    const service = new EchoService(name, path)
    service.#server.listen(path)
    await once(service.#server, 'listening')
    return service
  }

  /** Tunnels that run into it. */
  get openCount(): number {
    return this.#open.size
  }

  close(): void {
    for (const socket of this.#open) socket.destroy()
    this.#server.close()
  }
}
