import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Reads what it gets to its end, and answers with the SHA-256 of it. */
export class SinkService {
  readonly address: string
  readonly #server: Server

  private constructor(path: string) {
    this.address = `unix:${path}`
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256')
      socket.on('error', () => {}) // its end of the tunnel is cut
      socket.on('data', (chunk) => void hash.update(chunk))
      socket.on('end', () => socket.end(hash.digest('hex')))
    })
  }

  static async listen(path: string): Promise<SinkService> {
    const service = new SinkService(path)
    service.#server.listen(path)
    await once(service.#server, 'listening')
    return service
  }

  close(): void {
    this.#server.close()
  }
}
