import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { noise } from '@libp2p/noise'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { MeshError, protocols } from '@agent-mesh/wire'
import {
  createDataPlane,
  type Authorizer,
  type Candidate,
  type DataPlane,
  type DataPlaneEvent,
  type PathResolver,
  type StreamDialer
} from '@agent-mesh/data-plane'

export const protocol = protocols('test').tunnel

const maxStreams = 4096

/** A libp2p node on 127.0.0.1 with nothing but tcp, noise and yamux. */
export const startNode = (listen = ['/ip4/127.0.0.1/tcp/0']): Promise<Libp2p> =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: maxStreams,
        maxOutboundStreams: maxStreams,
        maxEarlyStreams: maxStreams,
        streamOptions: { maxStreamWindowSize: 4 * 1024 * 1024, maxReadBufferLength: 4 * 1024 * 1024 }
      })
    ],
    connectionManager: { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 },
    connectionMonitor: { enabled: false }
  })

/** Opens streams on one connection, as the node's dialer does on the best one. */
export const dialerOf = (connection: () => Connection): StreamDialer => ({
  open: async (_peer, id, { signal }) => {
    try {
      return { stream: await connection().newStream(id, { signal, maxOutboundStreams: maxStreams }), path: 'local' }
    } catch (cause) {
      throw new MeshError('CONNECTION_LOST', 'No stream could be opened.', { cause })
    }
  }
})

export interface Side {
  node: Libp2p
  plane: DataPlane
  events: DataPlaneEvent[]
}

export type Cut = 'fin' | 'rst' | 'close' | 'abort'

export interface Pair {
  caller: Side
  callee: Side
  connection: () => Connection
  candidate: Candidate
  /** A raw stream of the tunnel protocol, or of another, from the caller to the callee. */
  rawStream: (id?: string) => Promise<Stream>
  /** Ends the connection between the two under all streams. */
  cut: (how: Cut) => Promise<void>
  reconnect: () => Promise<void>
  /** Lets nothing through, in either direction, until it is called with false. */
  hold: (isHeld: boolean) => void
  stop: () => Promise<void>
}

export interface PairOptions {
  /** Tells the services of the callee who calls. */
  isIdentified?: boolean
  authorizer?: Authorizer
  resolver?: (standard: PathResolver) => PathResolver
  dialer?: (standard: StreamDialer) => StreamDialer
}

const allowAll: Authorizer = { mayOpen: () => ({ allowed: true, rule: 'test' }) }

/** Two nodes with a data plane each, connected through a relay of raw bytes that can be cut. */
export const startPair = async (options: PairOptions = {}): Promise<Pair> => {
  const [callerNode, calleeNode] = await Promise.all([startNode([]), startNode()])
  const wire = await startWire(calleeNode)
  let connection: Connection
  const candidate: Candidate = { peerId: calleeNode.peerId, name: 'callee', reason: 'the only one' }
  const resolver: PathResolver = {
    resolve: async (target) => [
      {
        ...candidate,
        ...(target.kind !== 'capability' && target.service !== undefined ? { service: target.service } : {})
      }
    ]
  }
  const standardDialer = dialerOf(() => connection)
  const side = (node: Libp2p): Side => {
    const events: DataPlaneEvent[] = []
    const plane = createDataPlane({
      resolver: options.resolver?.(resolver) ?? resolver,
      authorizer: options.authorizer ?? allowAll,
      dialer: options.dialer?.(standardDialer) ?? standardDialer,
      protocol,
      pathOf: () => 'local',
      ...(options.isIdentified === true
        ? {
            callerOf: (peer) => ({ peerId: peer.toString(), name: 'caller', groups: ['ops', 'ci'] }),
            selfId: node.peerId.toString()
          }
        : {}),
      onEvent: (event) => {
        events.push(event)
      }
    })
    return { node, plane, events }
  }
  const caller = side(callerNode)
  const callee = side(calleeNode)
  await calleeNode.handle(protocol, callee.plane.handler, callee.plane.handlerOptions)
  const reconnect = async (): Promise<void> => {
    connection = await callerNode.dial(multiaddr(`/ip4/127.0.0.1/tcp/${wire.port}/p2p/${calleeNode.peerId.toString()}`))
  }
  await reconnect()
  return {
    caller,
    callee,
    connection: () => connection,
    candidate,
    reconnect,
    hold: wire.hold,
    rawStream: (id = protocol) => connection.newStream(id, { maxOutboundStreams: maxStreams }),
    cut: async (how) => {
      const gone = once(connection, 'close')
      // Where a graceful close takes too long, as on a busy machine, the connection is aborted, as a node does it.
      if (how === 'close') await connection.close().catch((err: Error) => connection.abort(err))
      else if (how === 'abort') connection.abort(new Error('cut by the test'))
      else wire.cut(how)
      await gone
    },
    stop: async () => {
      await Promise.all([caller.plane.stop({ drainTimeoutMs: 0 }), callee.plane.stop({ drainTimeoutMs: 0 })])
      await Promise.all([callerNode.stop(), calleeNode.stop()])
      wire.stop()
    }
  }
}

interface Wire {
  port: number
  cut: (how: 'fin' | 'rst') => void
  hold: (isHeld: boolean) => void
  stop: () => void
}

/** A relay of raw bytes in front of a node. `fin` ends its connections as a dying process does, `rst` as a reset. */
const startWire = async (node: Libp2p): Promise<Wire> => {
  const address = node.getMultiaddrs()[0]?.toString() ?? ''
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
  const sockets = new Set<Socket>()
  let isHeld = false
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.on('data', (data) => {
        if (!other.write(data)) socket.pause()
      })
      other.on('drain', () => {
        if (!isHeld) socket.resume()
      })
    }
  })
  const bound = await listen(server)
  const cut = (how: 'fin' | 'rst'): void => {
    for (const socket of sockets) {
      if (how === 'rst') socket.resetAndDestroy()
      else socket.destroy()
    }
  }
  return {
    port: bound,
    cut,
    hold: (held) => {
      isHeld = held
      for (const socket of sockets) {
        if (held) socket.pause()
        else socket.resume()
      }
    },
    stop: () => {
      cut('fin')
      server.close()
    }
  }
}

/** Listens on a free port of 127.0.0.1 and returns it. */
export const listen = async (
  server: Pick<Server, 'listen' | 'address' | 'once'> & NodeJS.EventEmitter
): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

export const portOf = (listenText: string): number => Number(listenText.slice(listenText.lastIndexOf(':') + 1))
