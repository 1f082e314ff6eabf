import { limits, MeshError, protocols, toMeshError, type NetworkId } from '@agent-mesh/wire'
import { abortedError, createLeash, deadline, type AdmissionService } from '@agent-mesh/control-plane'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type {
  ComponentLogger,
  Connection,
  PeerId,
  Stream,
  StreamHandler,
  StreamHandlerOptions,
  Transport,
  Upgrader
} from '@libp2p/interface'

/** Parts of the host that a WebRTC connection is made of. */
export interface WebRtcParts {
  peerId: PeerId
  admission: Pick<AdmissionService, 'waitFor'>
  logger: ComponentLogger
  registrar: {
    handle: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) => Promise<void>
    unhandle: (protocol: string) => Promise<void>
  }
  upgrader: Upgrader
}

export interface WebRtcInit {
  networkId: NetworkId
  /** STUN servers to ask for one's own mapped address, `host:port`; read at every attempt. The first four are asked, nobody else ever. */
  stunServers: () => readonly string[]
  /** IP address that sockets are bound to; without it, those of all interfaces. */
  bindAddress?: string
  /** Brings the library with the native module; a test makes it fail. */
  load?: () => Promise<Pick<typeof import('@libp2p/webrtc'), 'webRTC'>>
  setupMs?: number
  offerMs?: number
}

/** Whether this machine can speak WebRTC; known once it was tried. */
type WebRtcState = { state: 'unused' } | { state: 'ready' } | { state: 'unavailable'; reason: string }

/** Makes WebRTC connections to members over connections that exist already. */
export interface WebRtc {
  /**
   * A connection over UDP to a peer that is reached by another one so far: offers and candidates go over that.
   * @returns an admitted connection
   * @throws MeshError WEBRTC_UNAVAILABLE, UNREACHABLE, TIMEOUT, CANCELLED, LIMIT_EXCEEDED, and what the hello says
   */
  connect: (peer: PeerId, options: { over: Connection; signal: AbortSignal }) => Promise<Connection>
  state: () => WebRtcState
}

/** Streams that the other side opens before this one is ready; its first ones are hello, identify and gossip. */
const earlyStreams = 64

interface Stock {
  transport: Transport
  onOffer: StreamHandler
}

const textOf = (err: unknown): string => (err instanceof Error ? (err.message.split('\n')[0] ?? '') : String(err))

const addressOf = (peer: PeerId): Multiaddr => multiaddr(`/webrtc/p2p/${peer.toString()}`)

/**
 * A connection whose address ends in the peer that proved to be there. The library takes the new connection for one to
 * whoever the address of the old one names, and an inbound one names nobody.
 */
const named = (connection: Connection): Connection =>
  new Proxy(connection, {
    get: (target, name): unknown => (name === 'remoteAddr' ? addressOf(target.remotePeer) : Reflect.get(target, name))
  })

/**
 * The transport of `@libp2p/webrtc` without its addresses: it is loaded when the first connection is wanted, told over
 * which connection to signal, and never asks a public STUN server. Its offers go under an id of the network.
 */
class LazyWebRtc implements WebRtc {
  readonly #parts: WebRtcParts
  readonly #init: WebRtcInit
  readonly #protocol: string
  readonly #signalling = new Map<string, Connection>()
  readonly #setupMs: number
  readonly #offerMs: number
  #answering = 0
  #stock: Promise<Stock> | undefined
  #state: WebRtcState = { state: 'unused' }

  constructor(parts: WebRtcParts, init: WebRtcInit) {
    this.#parts = parts
    this.#init = init
    this.#protocol = protocols(init.networkId).webrtc
    this.#setupMs = init.setupMs ?? limits.webRtcSetupMs
    this.#offerMs = init.offerMs ?? limits.webRtcOfferMs
  }

  async start(): Promise<void> {
    await this.#parts.registrar.handle(this.#protocol, async (stream, connection) => this.#answer(stream, connection), {
      runOnLimitedConnection: true,
      maxInboundStreams: limits.webRtcSetupsPerConnection
    })
  }

  async stop(): Promise<void> {
    await this.#parts.registrar.unhandle(this.#protocol)
  }

  state(): WebRtcState {
    return this.#state
  }

  async connect(peer: PeerId, { over, signal }: { over: Connection; signal: AbortSignal }): Promise<Connection> {
    const id = peer.toString()
    if (this.#signalling.has(id))
      throw new MeshError('LIMIT_EXCEEDED', `A WebRTC connection to ${id} is being made already.`)
    if (this.#signalling.size >= limits.webRtcSetups)
      throw new MeshError('LIMIT_EXCEEDED', `${limits.webRtcSetups} WebRTC connections are being made already.`)
    this.#signalling.set(id, over)
    const limit = deadline(this.#setupMs, signal)
    try {
      const { transport } = await this.#loaded()
      return await this.#admitted(await this.#dial(transport, peer, limit), limit)
    } catch (err) {
      if (limit.aborted) throw abortedError(limit, `The WebRTC connection to ${id}`)
      throw toMeshError(err, 'UNREACHABLE')
    } finally {
      this.#signalling.delete(id)
    }
  }

  /**
   * One offer after the other until one leads to a connection. Where both sides find each other within milliseconds, the
   * native library sometimes closes a connection that it has just made, and the one above it does not notice.
   */
  async #dial(transport: Transport, peer: PeerId, limit: AbortSignal): Promise<Connection> {
    for (;;) {
      const leash = createLeash(deadline(this.#offerMs, limit))
      try {
        return await transport.dial(addressOf(peer), { signal: leash.signal, upgrader: this.#parts.upgrader })
      } catch (err) {
        if (limit.aborted || !leash.signal.aborted) throw err
      } finally {
        leash.release()
      }
    }
  }

  async #admitted(connection: Connection, signal: AbortSignal): Promise<Connection> {
    try {
      await this.#parts.admission.waitFor(connection, { signal })
      return connection
    } catch (err) {
      connection.abort(err instanceof Error ? err : new Error(String(err)))
      throw err
    }
  }

  async #answer(stream: Stream, connection: Connection): Promise<void> {
    if (this.#answering >= limits.webRtcSetups) {
      stream.abort(new MeshError('LIMIT_EXCEEDED', `${limits.webRtcSetups} WebRTC offers are being answered already.`))
      return
    }
    this.#answering++
    // The library goes on by itself once it has the stream, and ends it with the set-up; a peer may keep its half open.
    const timer = setTimeout(() => stream.abort(new MeshError('TIMEOUT')), this.#setupMs)
    const end = (): void => {
      clearTimeout(timer)
      this.#answering--
    }
    stream.addEventListener('close', end, { once: true })
    try {
      const { onOffer } = await this.#loaded()
      await onOffer(stream, named(connection))
    } catch (err) {
      stream.abort(err instanceof Error ? err : new Error(String(err)))
    }
  }

  async #loaded(): Promise<Stock> {
    this.#stock ??= this.#load()
    return this.#stock
  }

  async #load(): Promise<Stock> {
    try {
      const { webRTC } = await (this.#init.load ?? (async () => import('@libp2p/webrtc')))()
      const stock = await this.#assemble(webRTC)
      this.#state = { state: 'ready' }
      return stock
    } catch (cause) {
      const reason = textOf(cause)
      this.#state = { state: 'unavailable', reason }
      throw new MeshError(
        'WEBRTC_UNAVAILABLE',
        `WebRTC cannot be used on this machine: ${reason.replace(/\.?$/, '.')}`,
        {
          cause
        }
      )
    }
  }

  async #assemble(webRTC: (typeof import('@libp2p/webrtc'))['webRTC']): Promise<Stock> {
    const { peerId, logger, upgrader } = this.#parts
    const { stunServers, bindAddress } = this.#init
    let onOffer: StreamHandler | undefined
    const parts = {
      peerId,
      logger,
      upgrader,
      // What it registers for itself carries no network; its handler is called by ours.
      registrar: {
        handle: async (_: string, handler: StreamHandler) => {
          onOffer = handler
        }
      },
      connectionManager: {
        getConnections: (peer: PeerId) => {
          const over = this.#signalling.get(peer.toString())
          if (over === undefined) return []
          return [{ newStream: async (_: string, options: object) => over.newStream(this.#protocol, options) }]
        }
      },
      transportManager: {
        dial: async () => {
          throw new MeshError('CANCELLED', 'The connection that carried the offers is no longer wanted.')
        }
      }
    }
    const make = webRTC({
      maxEarlyStreams: earlyStreams,
      rtcConfiguration: () => ({
        iceServers: stunServers()
          .slice(0, limits.stunServersAsked)
          .map((server) => ({ urls: [`stun:${server}`] })),
        ...(bindAddress === undefined ? {} : { bindAddress })
      })
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of its host it uses what is here, and a test runs it
    const transport = make(parts as unknown as Parameters<typeof make>[0])
    if ('start' in transport && typeof transport.start === 'function') await transport.start()
    if (onOffer === undefined) throw new Error('@libp2p/webrtc registers its handler elsewhere')
    return { transport, onOffer }
  }
}

/** As a libp2p service: `services: { webrtc: memberOnly(webRtc({ … }), 'registrar') }`. */
export const webRtc =
  (init: WebRtcInit) =>
  (parts: WebRtcParts): WebRtc =>
    new LazyWebRtc(parts, init)

/**
 * Where a node that listens on these addresses may open sockets for WebRTC: undefined is everywhere, as it listens on all
 * interfaces. Somebody who names one address does not want to be heard on the others.
 */
export const bindAddressOf = (listen: readonly string[]): string | undefined => {
  const hosts = listen.flatMap((text) => {
    const [host] = multiaddr(text).getComponents()
    return host?.value !== undefined && (host.name === 'ip4' || host.name === 'ip6') ? [host.value] : []
  })
  return hosts.some((host) => host === '0.0.0.0' || host === '::') ? undefined : hosts[0]
}
