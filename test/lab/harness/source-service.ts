import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { seededStream } from '../../e2e/harness/seeded-bytes.ts'

/** Sends the same bytes to everybody who connects, as fast as they are taken. */
export class SourceService {
  readonly address: string
  readonly #server: Server
  readonly #sockets: Socket[] = []

  private constructor(path: string, seed: number, sizeBytes: number) {
    this.address = `unix:${path}`
    this.#server = createServer((socket) => {
      this.#sockets.push(socket)
      socket.on('error', () => {}) // its end of the tunnel is cut
      socket.resume()
      seededStream(seed, sizeBytes).pipe(socket)
    })
  }

  static async listen(path: string, seed: number, sizeBytes: number): Promise<SourceService> {
    const service = new SourceService(path, seed, sizeBytes)
    service.#server.listen(path)
    await once(service.#server, 'listening')
    return service
  }

  /** Bytes that whoever took most was sent, those that wait in this process included: checks of the service take few. */
  get sentBytes(): number {
    return Math.max(0, ...this.#sockets.map(({ bytesWritten }) => bytesWritten))
  }

  close(): void {
    this.#server.close()
  }
}
