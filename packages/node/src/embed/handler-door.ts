import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'

/** One HTTP request; who calls is in its headers `mesh-peer-id` and `mesh-peer-name`. It may be async. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** What answers a service inside of this process. */
export type Handler =
  | HttpHandler
  /** One connection of plain bytes; each of its directions ends by itself. */
  | { onConnection: (socket: Socket) => void }

/** Nobody but this user gets into it: who may connect may say who calls. */
const folderPrefix = (): string => join(tmpdir(), 'mesh-serve-')

/** Whether a service was answered by a handler of some process, whatever its folder for temporary files was. */
export const isHandlerAddress = (address: string): boolean => /unix:.*[\\/]mesh-serve-[^\\/]+[\\/]s$/.test(address)

/** A handler that fails has its caller told so: by a status where that is possible still, otherwise by a cut answer. */
const answer = async (
  handler: HttpHandler,
  request: IncomingMessage,
  response: ServerResponse,
  onFailure: (err: unknown) => void
): Promise<void> => {
  try {
    await handler(request, response)
  } catch (err) {
    if (response.headersSent) response.destroy()
    else response.writeHead(500).end()
    onFailure(err)
  }
}

/** A unix socket behind which a handler answers. */
export class HandlerDoor {
  /** As a service is declared: `http+unix:/path`. */
  readonly address: string
  readonly #folder: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, folder: string, address: string) {
    this.#server = server
    this.#folder = folder
    this.address = address
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** @param onFailure - gets what a handler of requests throws */
  static async open(handler: Handler, onFailure: (err: unknown) => void): Promise<HandlerDoor> {
    const folder = await mkdtemp(folderPrefix())
    const path = `${folder}${sep}s`
    const isHttp = typeof handler === 'function'
    const server = isHttp
      ? createHttpServer((request, response) => void answer(handler, request, response, onFailure))
      : createServer({ allowHalfOpen: true }, (socket) => {
          // A caller that is cut off is no defect of this process.
          socket.on('error', () => {})
          handler.onConnection(socket)
        })
    server.listen(path)
    await once(server, 'listening')
    return new HandlerDoor(server, folder, `${isHttp ? 'http+' : ''}unix:${path}`)
  }

  /** Cuts what is connected still. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await rm(this.#folder, { recursive: true, force: true })
  }
}
