import { limits, MeshError, protocols, type ErrorCode, type NetworkId } from '@agent-mesh/wire'
import { deadline } from '../discovery/deadline.ts'
import type { PathClass } from '../routing/path-class.ts'
import type { Connection, Libp2pEvents, PeerId, StreamHandlerOptions, TypedEventTarget } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import { abortable } from '../admission/abortable.ts'
import type { AttemptKind, PathAttempts } from './attempt.ts'
import { Echoes } from './echoes.ts'
import type { PathKnobs } from './knobs.ts'
import type { PathStanding } from './path-plan.ts'
import { PeerPaths, type PeerPathsInit } from './peer-paths.ts'

export interface PathsInit {
  networkId: NetworkId
  admission: Pick<Admission, 'connections' | 'members' | 'waitFor'>
  /** The host: tells of connections that open and close. */
  host: Pick<TypedEventTarget<Libp2pEvents>, 'addEventListener' | 'removeEventListener'>
  attempts: PathAttempts
  trafficOf: (peer: PeerId) => ReturnType<PeerPathsInit['traffic']>
  /** Tunnels never go through a relay. */
  isDirectOnly?: boolean
  knobs?: Partial<PathKnobs>
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
  /** At least 0, below 1. */
  random?: () => number
  /** An echo on a connection to the peer, which may not be the preferred one, stays away. */
  onDoubted?: (peer: PeerId) => void
  onPreferred?: (peer: PeerId, path: PathClass | undefined, before: PathClass | undefined) => void
  /** A connection that does not answer, or that is not needed, is closed. */
  onClosed?: (peer: PeerId, path: PathClass | undefined, why: 'zombie' | 'superseded') => void
  onAttempt?: (peer: PeerId, kind: AttemptKind, code: ErrorCode | undefined) => void
  /** It is open still, and is to carry nothing more. Default: never. */
  isSpent?: (connection: Connection) => boolean
}

/** Which connection to each peer is used, and what is done to get a better one. */
export interface Paths {
  start: () => void
  stop: () => void
  /** Somebody opens a tunnel to the peer. */
  wanted: (peer: PeerId) => void
  /** A person waits for a better path: the next attempt comes soon. */
  hurry: (peer: PeerId) => void
  /** Interfaces or addresses of this machine are others. */
  moved: () => void
  /** A connection is to carry nothing more: the next tunnel takes another one. */
  spent: (connection: Connection) => void
  /** Of the open connections of a peer; undefined where a new one is to be opened. */
  choose: (peer: PeerId, connections: readonly Connection[]) => Connection | undefined
  standing: (peer: PeerId) => PathStanding
  /**
   * Round trip on the stream layer of a connection, in milliseconds.
   * @throws MeshError TIMEOUT, CANCELLED, CONNECTION_LOST; UnsupportedProtocolError where the other side has no echoes
   */
  measure: (connection: Connection, signal: AbortSignal) => Promise<number>
  /** To be registered for `protocols(networkId).echo`, among members only. */
  handler: Echoes['handler']
  handlerOptions: StreamHandlerOptions
}

const kindsOf = (attempts: PathAttempts): AttemptKind[] =>
  (['direct', 'punch', 'webrtc', 'relayed'] as const).filter((kind) => attempts[kind] !== undefined)

export const createPaths = (init: PathsInit): Paths => {
  const { networkId, admission, host, attempts, now = () => performance.now(), random = Math.random } = init
  const { echo: protocol, tunnel: tunnelProtocol } = protocols(networkId)
  const echoes = new Echoes({ protocol, now })
  const peers = new Map<string, PeerPaths>()
  const isSpent = (connection: Connection): boolean => init.isSpent?.(connection) === true
  let stopping = new AbortController()

  const attempt = async (peer: PeerId, kind: AttemptKind): Promise<Connection> => {
    const run = attempts[kind]
    if (run === undefined) throw new MeshError('UNREACHABLE', `This node has no ${kind} paths.`)
    return run(peer, deadline(limits.pathAttemptTimeoutMs, stopping.signal))
  }

  const pathsOf = (peer: PeerId): PeerPaths => {
    const known = peers.get(peer.toString())
    if (known !== undefined) return known
    const made = new PeerPaths({
      peer,
      plan: { kinds: kindsOf(attempts), isDirectOnly: init.isDirectOnly ?? false, random, ...init.knobs },
      echoes,
      attempt: async (kind) => attempt(peer, kind),
      traffic: () => init.trafficOf(peer),
      tunnelProtocol,
      now,
      onDoubted: () => init.onDoubted?.(peer),
      onPreferred: (path, before) => init.onPreferred?.(peer, path, before),
      onAttempt: (kind, code) => init.onAttempt?.(peer, kind, code),
      onClose: (connection, why) => {
        init.onClosed?.(peer, made.standing().path, why)
        if (why === 'zombie') connection.abort(new MeshError('CONNECTION_LOST', `${peer.toString()} does not answer.`))
        else void connection.close().catch(() => connection.abort(new MeshError('CONNECTION_LOST')))
      }
    })
    peers.set(peer.toString(), made)
    return made
  }

  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const { signal } = stopping
    const admitted = async (): Promise<void> => {
      await admission.waitFor(connection, { signal })
      if (!signal.aborted && !isSpent(connection)) pathsOf(connection.remotePeer).opened(connection)
    }
    admitted().catch(() => undefined) // refused: it is none
  }
  const closed = (connection: Connection): void => {
    const id = connection.remotePeer.toString()
    const one = peers.get(id)
    one?.closed(connection)
    if (one?.isOver !== true) return
    one.stop()
    peers.delete(id)
  }
  const onClose = ({ detail: connection }: CustomEvent<Connection>): void => closed(connection)

  return {
    handler: echoes.handler,
    handlerOptions: echoes.handlerOptions,
    start: () => {
      stopping = new AbortController()
      host.addEventListener('connection:open', onOpen)
      host.addEventListener('connection:close', onClose)
      for (const peer of admission.members())
        for (const connection of admission.connections(peer)) pathsOf(peer).opened(connection)
    },
    stop: () => {
      host.removeEventListener('connection:open', onOpen)
      host.removeEventListener('connection:close', onClose)
      stopping.abort(new MeshError('SHUTTING_DOWN'))
      echoes.stop()
      for (const one of peers.values()) one.stop()
      peers.clear()
    },
    wanted: (peer) => peers.get(peer.toString())?.feed({ is: 'wanted' }),
    hurry: (peer) => peers.get(peer.toString())?.feed({ is: 'hurried' }),
    moved: () => {
      for (const one of peers.values()) one.feed({ is: 'moved' })
    },
    spent: (connection) => {
      // no failure of the path, though tunnels end with it
      peers.get(connection.remotePeer.toString())?.feed({ is: 'busy', id: connection.id, tunnels: 0 })
      closed(connection)
    },
    choose: (peer, connections) => {
      const one = peers.get(peer.toString())
      // Admitted a moment ago: the event of it is on its way.
      for (const connection of connections) if (!isSpent(connection)) pathsOf(peer).opened(connection)
      return (one ?? peers.get(peer.toString()))?.chosen()
    },
    standing: (peer) => peers.get(peer.toString())?.standing() ?? {},
    measure: async (connection, signal) => abortable(echoes.ask(connection), signal)
  }
}
