import { connect, createServer, type Server, type Socket } from 'node:net'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import { resetLocal, splice } from '../../tunnel/splice.ts'
import { socketOptions } from '../../upstream/connect.ts'
import type { FindDestination } from '../destination.ts'
import { listen } from '../listen.ts'
import type { OpenDestination } from '../open-destination.ts'

export interface HostDoorsInit {
  /** The name whose address this is. */
  host: string
  address: string
  findDestination: FindDestination
  openDestination: OpenDestination
  /**
   * A client has come; the function that comes back is called when it has gone.
   * @throws MeshError LIMIT_EXCEEDED
   */
  enter: () => () => void
  onFailed: (error: MeshError, host: string) => void
}

/** Whether some program takes connections there. */
const isAnswered = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

/** The doors of one name: its address, on some ports. A connection to one goes where a proxy would bring it. */
export class HostDoors {
  readonly address: string
  readonly #init: HostDoorsInit
  readonly #servers = new Map<number, Server>()
  readonly #pending = new Set<AbortController>()

  constructor(init: HostDoorsInit) {
    this.#init = init
    this.address = init.address
  }

  get ports(): number[] {
    return [...this.#servers.keys()]
  }

  /**
   * Listens on these ports and no others. Ports that may not be bound are left out while there are others: a client is
   * refused there.
   * @throws MeshError ADDRESS_IN_USE where clients would find another program, ADDRESS_INVALID where no port is left
   */
  async listenOn(ports: readonly number[]): Promise<void> {
    for (const [port, server] of this.#servers) {
      if (ports.includes(port)) continue
      server.close()
      this.#servers.delete(port)
    }
    const failures: MeshError[] = []
    for (const port of ports) {
      if (this.#servers.has(port)) continue
      try {
        await this.#open(port)
      } catch (err) {
        failures.push(await this.#judge(toMeshError(err), port))
      }
    }
    const [failure] = failures
    const taken = failures.find(({ code }) => code === 'ADDRESS_IN_USE')
    if (taken !== undefined) throw taken
    if (failure !== undefined && this.#servers.size === 0) throw failure
  }

  /** Gives up what is still being opened. Tunnels that are open go on to their own end. */
  close(): void {
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
    for (const controller of this.#pending)
      controller.abort(new MeshError('CANCELLED', `The address of ${this.#init.host} was given up.`))
  }

  async #open(port: number): Promise<void> {
    const server = createServer({ ...socketOptions, noDelay: true }, (socket) => {
      void this.#accept(socket, port)
    })
    await listen(server, { type: 'tcp', host: this.address, port })
    server.on('error', (err) => this.#init.onFailed(toMeshError(err, 'LIMIT_EXCEEDED'), this.#init.host))
    this.#servers.set(port, server)
  }

  /** A port that may not be bound, but on which somebody else answers, would lead clients of the name to that one. */
  async #judge(error: MeshError, port: number): Promise<MeshError> {
    if (error.code === 'ADDRESS_INVALID' && (await isAnswered(this.address, port)))
      return new MeshError('ADDRESS_IN_USE', `${this.address}:${port} is in use by another program.`)
    return error
  }

  /** One local connection: where to, open, then the bytes. Never rejects. */
  async #accept(local: Socket, port: number): Promise<void> {
    const { host, findDestination, openDestination, onFailed } = this.#init
    local.on('error', () => {})
    const controller = new AbortController()
    const onClose = (): void => controller.abort(new MeshError('CANCELLED', 'The local client hung up.'))
    this.#pending.add(controller)
    const { signal } = controller
    try {
      local.once('close', this.#init.enter())
      local.once('close', onClose)
      const destination = await findDestination({ host, port, signal })
      const { stream } = await openDestination(destination, { signal, early: () => readBuffered(local) })
      local.off('close', onClose)
      this.#pending.delete(controller)
      await splice(stream, local)
    } catch (err) {
      resetLocal(local)
      onFailed(toMeshError(err), host)
    } finally {
      this.#pending.delete(controller)
    }
  }
}

const readBuffered = (socket: Socket): Uint8Array | undefined => {
  const bytes: unknown = socket.read()
  return bytes instanceof Uint8Array ? bytes : undefined
}
