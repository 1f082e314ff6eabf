import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import {
  serviceCapabilities,
  transportSymbol,
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type ListenerEvents,
  type Logger,
  type Transport,
  type Upgrader
} from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { TypedEventEmitter } from 'main-event'
import { isPunched, punchedAddress } from '../../src/address.ts'
import { showFirst, showSecond } from '../../src/proof.ts'
import { PunchedConnection } from '../../src/punched-connection.ts'
import { openSimultaneously } from '../../src/simultaneous-open.ts'

const host = '127.0.0.1'

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

interface Meeting {
  port: number
  tokens: { own: Uint8Array; theirs: Uint8Array }
}

/** What two sides agree on through a relay, in this process: a listener by its port. */
const listeners = new Map<number, (other: Meeting) => Promise<Meeting>>()

const portOf = (address: Multiaddr): number => Number(address.getComponents()[1]?.value)

const connect = async (
  here: Meeting,
  otherPort: number,
  direction: 'inbound' | 'outbound',
  log: Logger,
  signal: AbortSignal
): Promise<PunchedConnection> => {
  const socket = await openSimultaneously({
    localPort: here.port,
    remote: { host, port: otherPort },
    tokens: here.tokens,
    prove: direction === 'outbound' ? showFirst : showSecond,
    signal
  })
  return new PunchedConnection({ socket, remoteAddr: punchedAddress({ host, port: otherPort }), direction, log })
}

class MeetingListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #upgrader: Upgrader
  readonly #log: Logger
  readonly #stopping = new AbortController()
  readonly #open = new Set<PunchedConnection>()
  #port = 0

  constructor(upgrader: Upgrader, log: Logger) {
    super()
    this.#upgrader = upgrader
    this.#log = log
  }

  async listen(): Promise<void> {
    this.#port = await freePort()
    listeners.set(this.#port, async (other) => {
      const here: Meeting = {
        port: await freePort(),
        tokens: { own: other.tokens.theirs, theirs: other.tokens.own }
      }
      this.#meet(here, other.port).catch((err: Error) => this.#log('no connection - %e', err))
      return here
    })
    this.safeDispatchEvent('listening')
  }

  async #meet(here: Meeting, otherPort: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(5_000)])
    const connection = await connect(here, otherPort, 'inbound', this.#log, signal)
    this.#open.add(connection)
    connection.addEventListener('close', () => this.#open.delete(connection))
    try {
      await this.#upgrader.upgradeInbound(connection, { signal: this.#stopping.signal })
    } catch (err) {
      connection.abort(err instanceof Error ? err : new Error(String(err)))
    }
  }

  getAddrs(): Multiaddr[] {
    return listeners.has(this.#port)
      ? [punchedAddress({ host, port: this.#port }), multiaddr(`/ip4/${host}/tcp/${this.#port}/punched`)]
      : []
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    listeners.delete(this.#port)
    this.#stopping.abort()
    for (const connection of this.#open) connection.abort(new Error('closed'))
    this.safeDispatchEvent('close')
  }
}

interface Components {
  upgrader: Upgrader
  logger: ComponentLogger
}

/** A transport whose every connection comes of two sockets that connect to each other. */
class PunchedTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'punched'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #log: Logger

  constructor(components: Components) {
    this.#log = components.logger.forComponent('punched')
  }

  async dial(address: Multiaddr, { signal, upgrader }: DialTransportOptions): Promise<Connection> {
    signal.throwIfAborted()
    const meet = listeners.get(portOf(address))
    if (meet === undefined) throw new Error('nobody is there')
    const tokens = { own: randomBytes(16), theirs: randomBytes(16) }
    const here: Meeting = { port: await freePort(), tokens }
    const other = await meet(here)
    const connection = await connect(here, other.port, 'outbound', this.#log, signal)
    try {
      return await upgrader.upgradeOutbound(connection, { signal })
    } catch (err) {
      connection.abort(err instanceof Error ? err : new Error(String(err)))
      throw err
    }
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    return new MeetingListener(upgrader, this.#log)
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(isPunched)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.listenFilter(addresses)
  }
}

export const punchedTransport = (components: Components): Transport => new PunchedTransport(components)
