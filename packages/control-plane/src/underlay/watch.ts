import { decodeMessage, EchoAccept, EchoOpen, limits, MeshError, protocols, type NetworkId } from '@agent-mesh/wire'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import type { Connection, PeerId, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import { messageStream, type MessagePrelude, type MessageStream } from '../admission/message-stream.ts'
import { deadline } from '../discovery/deadline.ts'
import { systemTimers, type Timers } from '../replication/announcer.ts'
import type { LinkFigures } from './echo-driver.ts'
import { echoCodes, FilterProbes } from './filter-probe.ts'
import { echoSessionBytes, isEcho, sessionOf } from './echo-packet.ts'
import { EchoSession } from './echo-session.ts'
import type { Endpoint } from './stun-message.ts'
import { Sinks } from './sink.ts'
import { chooseWatched } from './watch-choice.ts'

/** The UDP ports of this node. */
export interface EchoPorts {
  /** @param at - place of the port to send from among {@link ports}; the first where nothing is said */
  send: (bytes: Uint8Array, to: Endpoint, at?: number) => void
  /** @returns ports, as they may be seen from the host; that of STUN first */
  ports: (host: string) => number[]
  /** @returns the way to stop listening */
  onDatagram: (listener: (bytes: Uint8Array, from: Endpoint, reply: (bytes: Uint8Array) => void) => void) => () => void
}

export interface WatchInit {
  networkId: NetworkId
  self: string
  admission: Pick<Admission, 'members'>
  udp: EchoPorts
  /** The connection that tunnels to the peer take and the host it leads to; undefined where UDP cannot go the same way. */
  wayTo: (peer: PeerId) => { connection: Connection; host: string } | undefined
  /** Where a connection leads to that the peer has opened a session on. */
  hostOf: (connection: Connection) => string | undefined
  isUsed: (peer: PeerId) => boolean
  randomBytes: (count: number) => Uint8Array
  timers?: Timers
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
  random?: () => number
}

/** UDP echoes with members whose paths are in use, and with a few others. */
export interface UnderlayWatch {
  start: () => void
  stop: () => void
  /** Undefined where the path to the peer is not watched. */
  figures: (peer: string) => LinkFigures | undefined
  /** Where the session with a peer leads to; undefined where there is none. */
  host: (peer: string) => string | undefined
  /** The session with a peer; opened where there is none. @throws MeshError of opening it, UNREACHABLE */
  session: (peer: PeerId, signal: AbortSignal) => Promise<EchoSession>
  readonly sentBytes: number
  /** To be registered for `protocols(networkId).underlay`, among members only. */
  handler: StreamHandler
  handlerOptions: StreamHandlerOptions
}

interface Held {
  session: EchoSession
  connection: Connection
  peer: PeerId
  close: () => void
}

const lookMs = 1_000
const openTimeoutMs = 5_000
/** After a failure to open echoes with a peer. */
const againMs = 60_000
const keyBytes = 32

const framed = (stream: Stream): MessagePrelude =>
  messageStream(stream, { most: limits.echoOpenBytes, code: 'TUNNEL_PROTOCOL', what: 'message of UDP echoes' })

const idText = (id: Uint8Array): string => Buffer.from(id).toString('base64')

export const createUnderlayWatch = (init: WatchInit): UnderlayWatch => {
  const { networkId, self, admission, udp, wayTo, hostOf, isUsed, randomBytes } = init
  const { timers = systemTimers, now = () => performance.now(), random = Math.random } = init
  const protocol = protocols(networkId).underlay
  const handlerOptions = { maxInboundStreams: 4, maxOutboundStreams: 4 }
  const byPeer = new Map<string, Held>()
  const byId = new Map<string, EchoSession>()
  const opening = new Map<string, Promise<EchoSession>>()
  const notBeforeMs = new Map<string, number>()
  const stops: Array<() => void> = []
  const probes = new FilterProbes({ udp, now })
  const sinks = new Sinks(now)
  let closedBytes = 0
  let stopping: AbortController | undefined
  let timer: (() => void) | undefined

  /** Keeps a session for as long as its stream is open. */
  const hold = (held: Omit<Held, 'close'>, id: Uint8Array, stream: Stream, messages: MessageStream): void => {
    const peerId = held.peer.toString()
    const key = idText(id)
    const ending = new AbortController()
    const close = (): void => {
      if (byId.get(key) !== held.session) return
      byId.delete(key)
      held.session.end()
      closedBytes += held.session.sentBytes
      if (byPeer.get(peerId)?.session === held.session) byPeer.delete(peerId)
      ending.abort(new MeshError('CANCELLED'))
      stream.abort(new MeshError('CANCELLED', 'The UDP echoes are over.'))
    }
    byPeer.get(peerId)?.close()
    byPeer.set(peerId, { ...held, close })
    byId.set(key, held.session)
    // Nothing more is said: what ends the wait is the end of the stream.
    messages.read(ending.signal).then(close, close)
    arm()
  }

  const makeSession = (role: EchoSession['role'], host: string, { session: id, key }: EchoOpen): EchoSession =>
    new EchoSession({ role, id, key, host, send: (bytes, to) => udp.send(bytes, to), now })

  const open = async (peer: PeerId, signal: AbortSignal): Promise<EchoSession> => {
    const way = wayTo(peer)
    if (way === undefined)
      throw new MeshError('UNREACHABLE', `No path to ${peer.toString()} leads where UDP could go as well.`)
    const { connection, host } = way
    const until = deadline(openTimeoutMs, signal)
    const stream = await connection.newStream(protocol, { signal: until, ...handlerOptions })
    try {
      const messages = framed(stream)
      const request: EchoOpen = {
        session: withArrayBuffer(randomBytes(echoSessionBytes)),
        key: withArrayBuffer(randomBytes(keyBytes)),
        ports: udp.ports(host).slice(0, limits.echoPorts),
        sinkBytes: 0
      }
      await messages.write(EchoOpen.encode(request), until)
      const bytes = await messages.read(until)
      const { code, ports } = decodeMessage(EchoAccept, bytes, limits.echoOpenBytes, 'TUNNEL_PROTOCOL', 'answer')
      const known = byPeer.get(peer.toString())?.session
      if (code === echoCodes.crossing && known !== undefined) {
        stream.abort(new MeshError('CANCELLED'))
        return known
      }
      if (code !== echoCodes.accepted || !arePorts(ports))
        throw new MeshError('RATE_LIMITED', `${peer.toString()} does not take part in UDP echoes now.`)
      if (stopping === undefined) throw new MeshError('SHUTTING_DOWN')
      const session = makeSession('driver', host, request)
      session.begin(ports)
      hold({ session, connection, peer }, request.session, stream, messages)
      return session
    } catch (err) {
      stream.abort(err instanceof Error ? err : new MeshError('CANCELLED'))
      throw err
    }
  }

  const openOnce = async (peer: PeerId, signal: AbortSignal): Promise<EchoSession> => {
    const id = peer.toString()
    const before = opening.get(id)
    if (before !== undefined) return before
    const made = open(peer, signal).finally(() => opening.delete(id))
    opening.set(id, made)
    return made
  }

  const accept = async (stream: Stream, connection: Connection, signal: AbortSignal): Promise<void> => {
    const peer = connection.remotePeer
    const messages = framed(stream)
    const until = deadline(openTimeoutMs, signal)
    const bytes = await messages.read(until)
    const request = decodeMessage(EchoOpen, bytes, limits.echoOpenBytes, 'TUNNEL_PROTOCOL', 'request')
    const host = hostOf(connection)
    if (request.probe !== undefined) {
      const code = probes.answer(peer.toString(), host, request.probe)
      await messages.write(EchoAccept.encode({ code }), until)
      await stream.close({ signal: until })
      return
    }
    if (request.sinkBytes > 0) return sinks.serve(peer.toString(), messages, request.sinkBytes, signal)
    if (request.session.length !== echoSessionBytes || request.key.length !== keyBytes || !arePorts(request.ports))
      throw new MeshError('TUNNEL_PROTOCOL', `${peer.toString()} opens UDP echoes with values that cannot be.`)
    const taken = [...byPeer.values()].filter(({ session }) => session.role === 'answerer').length
    const isCrossing = opening.has(peer.toString()) && self < peer.toString()
    const ports = host === undefined ? [] : udp.ports(host).slice(0, limits.echoPorts)
    const isFull = ports.length === 0 || taken >= limits.echoSessionsTaken || byId.has(idText(request.session))
    const code = isCrossing ? echoCodes.crossing : isFull ? echoCodes.full : echoCodes.accepted
    await messages.write(EchoAccept.encode({ code, ports: code === echoCodes.accepted ? ports : [] }), until)
    if (code !== echoCodes.accepted || host === undefined) {
      await stream.close({ signal: until })
      return
    }
    const session = makeSession('answerer', host, request)
    session.begin(request.ports)
    hold({ session, connection, peer }, request.session, stream, messages)
  }

  const look = (): void => {
    const running = stopping
    if (running === undefined) return
    const nowMs = now()
    const members = new Map(admission.members().map((peer) => [peer.toString(), peer]))
    const ways = new Map(
      [...members].flatMap(([id, peer]) => {
        const way = wayTo(peer)
        return way === undefined ? [] : [[id, way] as const]
      })
    )
    // What was counted belongs to the path as it was. A path that is silent stays: what is wrong with it may be found out.
    for (const [id, { session, connection, close }] of byPeer)
      if (
        connection.status !== 'open' ||
        (session.role === 'driver' && (ways.get(id)?.host ?? session.host) !== session.host)
      )
        close()
    const reachable = [...ways.keys()].map((peerId) => {
      const peer = members.get(peerId)
      return { peerId, isUsed: peer !== undefined && isUsed(peer) }
    })
    const watched = new Set(byPeer.keys())
    const wanted = chooseWatched(reachable, watched, random)
    for (const { peerId, isUsed: isInUse } of reachable) {
      const held = byPeer.get(peerId)
      if (held === undefined) continue
      held.session.isUsed = isInUse
      if (held.session.role === 'driver' && !wanted.includes(peerId)) held.close()
    }
    for (const peerId of wanted) {
      const peer = members.get(peerId)
      if (peer === undefined || byPeer.has(peerId) || opening.has(peerId)) continue
      if ((notBeforeMs.get(peerId) ?? 0) > nowMs) continue
      notBeforeMs.set(peerId, nowMs + againMs)
      openOnce(peer, running.signal).then(
        () => notBeforeMs.delete(peerId),
        () => undefined
      )
    }
    for (const peerId of notBeforeMs.keys()) if (!members.has(peerId)) notBeforeMs.delete(peerId)
  }

  let lookAtMs = 0
  const run = (): void => {
    timer = undefined
    if (stopping === undefined) return
    if (now() >= lookAtMs) {
      look()
      lookAtMs = now() + lookMs
    }
    const nowMs = now()
    for (const { session } of byPeer.values()) session.tick(nowMs)
    arm()
  }

  const arm = (): void => {
    if (stopping === undefined) return
    timer?.()
    const nowMs = now()
    const atMs = Math.min(lookAtMs, ...[...byPeer.values()].map(({ session }) => session.nextMs(nowMs)))
    timer = timers.setTimeout(run, Math.min(lookMs, Math.max(1, atMs - nowMs)))
  }

  return {
    handlerOptions,
    handler: (stream, connection) => {
      const running = stopping
      if (running === undefined) stream.abort(new MeshError('SHUTTING_DOWN'))
      else
        accept(stream, connection, running.signal).catch((err: unknown) =>
          stream.abort(err instanceof Error ? err : new MeshError('CONNECTION_LOST'))
        )
    },
    start: () => {
      if (stopping !== undefined) return
      stopping = new AbortController()
      stops.push(
        udp.onDatagram((bytes, from, reply) => {
          if (isEcho(bytes)) byId.get(idText(sessionOf(bytes)))?.take(bytes, from, reply)
        })
      )
      arm()
    },
    stop: () => {
      stopping?.abort(new MeshError('SHUTTING_DOWN'))
      stopping = undefined
      timer?.()
      timer = undefined
      for (const stop of stops.splice(0)) stop()
      for (const { close } of byPeer.values()) close()
    },
    figures: (peer) => byPeer.get(peer)?.session.figures(now()),
    host: (peer) => byPeer.get(peer)?.session.host,
    session: async (peer, signal) => byPeer.get(peer.toString())?.session ?? openOnce(peer, signal),
    get sentBytes() {
      return [...byPeer.values()].reduce((sum, { session }) => sum + session.sentBytes, closedBytes)
    }
  }
}

const arePorts = (ports: number[]): boolean =>
  ports.length <= limits.echoPorts && ports.every((port) => port > 0 && port < 65_536)
