import { lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import type { EventEmitter } from 'node:events'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import { formatListenAddress, toListenOptions, type ListenAddress } from './listen-address.ts'

/**
 * Binds a server. A socket file that a dead process left behind is replaced; one that somebody answers on is not.
 * @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID, each with the address
 */
export const listen = async (server: Server, address: ListenAddress): Promise<void> => {
  try {
    await bind(server, address)
  } catch (err) {
    if (systemCode(err) !== 'EADDRINUSE' || address.type !== 'unix' || !(await isLeftOver(address.path)))
      throw listenError(err, address)
    await unlink(address.path)
    await bind(server, address).catch((again: unknown) => {
      throw listenError(again, address)
    })
  }
}

const bind = (server: Server, address: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(toListenOptions(address), () => {
      server.off('error', reject)
      resolve()
    })
  })

const isLeftOver = async (path: string): Promise<boolean> => {
  if (
    !(await lstat(path).then(
      (found) => found.isSocket(),
      () => false
    ))
  )
    return false
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (err) => resolve(systemCode(err) === 'ECONNREFUSED'))
  })
}

const systemCode = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : '')

const listenError = (cause: unknown, address: ListenAddress): MeshError => {
  const where = formatListenAddress(address)
  const code = systemCode(cause)
  if (code === 'EADDRINUSE') return new MeshError('ADDRESS_IN_USE', `${where} is in use by another program.`, { cause })
  const why =
    code === 'EADDRNOTAVAIL'
      ? 'is not an address of this machine'
      : code === 'EACCES'
        ? 'may not be bound by this user'
        : `cannot be bound (${code})`
  return new MeshError('ADDRESS_INVALID', `${where} ${why}.`, { cause })
}

/** What one client waits for, which ends with its door. */
export interface Wait {
  signal: AbortSignal
  /** The client has what it waited for: neither its end nor that of the door touches it any more. */
  done: () => void
}

/** A server at a local address, from its first client to its last, and what its clients wait for. */
export class Listener {
  readonly #server: Server
  readonly #waiting = new Set<AbortController>()
  #address: ListenAddress
  #closed: MeshError | undefined

  constructor(server: Server, address: ListenAddress) {
    this.#server = server
    this.#address = address
  }

  /**
   * @param onFailure - accepting may fail later on, for lack of file descriptors; the door stays open for when there are
   * some again
   * @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID
   */
  async open(onFailure: (error: MeshError) => void): Promise<void> {
    await listen(this.#server, this.#address)
    const bound = this.#server.address()
    if (this.#address.type === 'tcp' && bound !== null && typeof bound === 'object')
      this.#address = { ...this.#address, port: bound.port }
    this.#server.on('error', (err) => onFailure(toMeshError(err, 'LIMIT_EXCEEDED')))
  }

  /** The address that is bound, with the port that was chosen. */
  get address(): ListenAddress {
    return this.#address
  }

  get text(): string {
    return formatListenAddress(this.#address)
  }

  /** Gives up a wait when the door is closed, or at once where it is. @returns what ends that */
  hold(controller: AbortController): () => void {
    if (this.#closed === undefined) this.#waiting.add(controller)
    else controller.abort(this.#closed)
    return () => this.#waiting.delete(controller)
  }

  /** A wait that is given up when the door is closed, and when the client hangs up. */
  waitFor(client: EventEmitter): Wait {
    const controller = new AbortController()
    const onClose = (): void => controller.abort(new MeshError('CANCELLED', 'The local client hung up.'))
    const release = this.hold(controller)
    client.once('close', onClose)
    return {
      signal: controller.signal,
      done: () => {
        client.off('close', onClose)
        release()
      }
    }
  }

  /**
   * Accepts nobody any more and gives up what is waited for. What clients have goes on.
   * @returns whether it was open
   */
  close(what: string): boolean {
    if (!this.#server.listening) return false
    this.#server.close()
    this.#closed = new MeshError('CANCELLED', `The ${what} ${this.text} was removed.`)
    for (const controller of this.#waiting) controller.abort(this.#closed)
    return true
  }
}
