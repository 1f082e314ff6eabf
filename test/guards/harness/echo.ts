import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { MeshMember } from '@agent-mesh/testkit'

/** A service that answers each line with the name of the member that it belongs to. */
export interface Echo {
  address: string
  close: () => void
}

export const startEcho = async (name: string): Promise<Echo> => {
  const server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().split('\n')) if (line !== '') socket.write(`${name} ${line}\n`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
  const { port } = server.address() as AddressInfo
  return { address: `tcp://127.0.0.1:${port}`, close: () => server.close() }
}

/** A tunnel to the service `echo` of a member that is used without a pause; whatever goes wrong with it is kept. */
export class Conversation {
  readonly #to: string
  readonly #tunnel: Duplex
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #received = 0
  #rest = ''
  #isOver = false
  readonly faults: string[] = []

  private constructor(to: string, tunnel: Duplex) {
    this.#to = to
    this.#tunnel = tunnel
    tunnel.on('data', (bytes: Uint8Array) => this.#read(Buffer.from(bytes).toString()))
    tunnel.on('error', (err) => this.#fault(err.message))
    tunnel.on('close', () => this.#fault('closed'))
    tunnel.on('end', () => this.#fault('ended'))
    this.#timer = setInterval(() => tunnel.write(`${++this.#sent}\n`), 250)
  }

  static async start(from: MeshMember, to: string): Promise<Conversation> {
    const { tunnel } = await from.node.connect(`${to}/echo`, { signal: AbortSignal.timeout(20_000) })
    return new Conversation(to, tunnel)
  }

  get answers(): number {
    return this.#received
  }

  /** What was asked and not answered. */
  get open(): number {
    return this.#sent - this.#received
  }

  /** Asks nothing more. */
  pause(): void {
    clearInterval(this.#timer)
  }

  stop(): void {
    this.#isOver = true
    this.pause()
    this.#tunnel.destroy()
  }

  #read(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      this.#received++
      if (line !== `${this.#to} ${this.#received}`) this.#fault(`${line} instead of ${this.#to} ${this.#received}`)
    }
  }

  #fault(what: string): void {
    if (!this.#isOver) this.faults.push(`${this.#to}: ${what}`)
  }
}
