import { randomBytes } from 'node:crypto'
import {
  abortable,
  createUnderlayWatch,
  pathClassOf,
  type HealthView,
  type LinkFigures
} from '@agent-mesh/control-plane'
import { MeshError, protocols } from '@agent-mesh/wire'
import type { PathMtu, PeerDocument, Status } from '@agent-mesh/wire/api'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { isLoopback } from '@libp2p/utils'
import type { AssembleInit } from './assemble.ts'
import { tcpEndpointOf } from './endpoint.ts'
import { measurePathMtu } from './path-mtu.ts'
import type { NodePaths } from './paths.ts'

/** The largest packet on a path. */
interface Sized {
  host: string
  mtu: PathMtu
  /** Since it was looked for, in milliseconds. */
  ageMs: number
}

interface WatchRooms {
  paths: Pick<NodePaths, 'choose'>
  tunnels: () => { countOf: (peerId: string) => number }
  health: () => Pick<HealthView, 'of'>
}

/** What is known of the packets to and from each member, and what is to be said of it. */
export interface NodeWatch {
  /**
   * Looks for the largest packet on the path to a connected member, in some seconds. Where the path has ended, what was
   * found on it a while ago: over one that swallows packets hardly a new connection comes about.
   * @throws MeshError UNREACHABLE where UDP does not go the same way
   */
  mtu: (peer: PeerId, signal: AbortSignal) => Promise<Sized>
  /** Whether the largest packet of the path to it is known, from now or from a while ago. */
  isSized: (peer: PeerId) => boolean
  figures: (peer: string) => (LinkFigures & { mtu?: PathMtu }) | undefined
  /** A connection to it does not answer as it should, or has just been left for another one. */
  suspect: (peer: PeerId) => void
  warnings: () => Status['warnings']
  readonly sentBytes: number
  start: () => Promise<void>
  stop: () => void
}

const lookMs = 1_000
/** So long without an answer to a probe over TCP, each of which waits for half a second. */
const stallMs = 2_000
/** From one look for the largest packet to the next, where the path stalls and where it is known to swallow some. */
const againMs = 10_000
const recheckMs = 5 * 60_000
/** What was found is shown for so long, also after the path has ended. */
const keptMs = 15 * 60_000

/** A direction that loses less than this is clean. */
const cleanShare = 0.005

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** @returns one clause for people, such as `2.1 % of the packets to it are lost`; undefined where nothing is wrong */
const lossText = ({ out, in: back }: LinkFigures): string | undefined => {
  const there = out?.isLossy === true ? `${percent(out.share)} of the packets to it` : undefined
  const here = back?.isLossy === true ? `${percent(back.share)} of those from it` : undefined
  if (there === undefined && here === undefined) return undefined
  // Said of the other way only once it is known, and clean.
  const other = there === undefined ? out : here === undefined ? back : undefined
  const only = other !== undefined && other.share < cleanShare ? ', one way alone' : ''
  return `${[there, here].filter((one) => one !== undefined).join(' and ')} are lost${only}`
}

/** @returns one clause for people about a path with a black hole */
const holeText = ({ out, back, linkMtu }: PathMtu): string => {
  const largest = Math.min(out, back ?? out)
  return `those of more than ${largest} bytes vanish without a word, and the link here takes ${linkMtu}`
}

/** What the local API shows of it. */
export const underlayDocument = (figures: ReturnType<NodeWatch['figures']>): Pick<PeerDocument, 'underlay'> =>
  figures === undefined ? {} : { underlay: figures }

export const createNodeWatch = (
  { credentials, config, host, underlay, events }: AssembleInit,
  { paths, tunnels, health }: WatchRooms
): NodeWatch => {
  const { admission, members } = host.services
  const { echoes } = config.underlay
  const { networkId, membership } = credentials
  const protocol = protocols(networkId).underlay
  /** By connection: all of them are looked at each second. */
  const hosts = new WeakMap<Connection, { host: string | undefined }>()
  const readHost = ({ remoteAddr }: Connection): string | undefined => {
    // What never leaves the machine loses nothing.
    if (echoes === 'auto' && isLoopback(remoteAddr)) return undefined
    return tcpEndpointOf(remoteAddr)?.host
  }
  /** Of a connection over TCP by IP address; on a relay's or a WebRTC connection, UDP would go another way. */
  const hostOf = (connection: Connection): string | undefined => {
    const path = pathClassOf(connection)
    if (path === 'relayed' || path === 'webrtc') return undefined
    const known = hosts.get(connection) ?? { host: readHost(connection) }
    hosts.set(connection, known)
    return known.host
  }
  const watch = createUnderlayWatch({
    networkId,
    self: membership.peerId.toString(),
    admission,
    udp: underlay.echoPorts,
    wayTo: (peer) => {
      const connection = paths.choose(peer, admission.connections(peer))
      const to = connection === undefined ? undefined : hostOf(connection)
      return connection === undefined || to === undefined ? undefined : { connection, host: to }
    },
    hostOf,
    isUsed: (peer) => tunnels().countOf(peer.toString()) > 0,
    randomBytes
  })
  const sizes = new Map<string, { peer: PeerId; host: string; mtu: PathMtu; atMs: number }>()
  const suspects = new Set<string>()
  const measuring = new Map<string, Promise<Sized>>()
  let stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined

  /** The connection that tunnels take, and where it leads to. @throws MeshError UNREACHABLE */
  const hostTo = (peer: PeerId): string => {
    const connection = paths.choose(peer, admission.connections(peer))
    const to = connection === undefined ? undefined : hostOf(connection)
    if (to !== undefined) return to
    throw new MeshError('UNREACHABLE', `No path to ${nameOf(peer)} leads straight to its host over TCP.`)
  }

  const measure = async (peer: PeerId, mayPing: boolean): Promise<Sized> => {
    const id = peer.toString()
    const { signal } = stopping
    try {
      const where = watch.host(id) ?? hostTo(peer)
      const mtu = await measurePathMtu(
        { host: where, session: async () => watch.session(peer, signal), mayPing },
        signal
      )
      sizes.set(id, { peer, host: where, mtu, atMs: performance.now() })
      if (mtu.isBlackHole)
        events.emit('warn', 'underlay:black-hole', { peer: id, largestBytes: mtu.out, linkBytes: mtu.linkMtu })
      return { host: where, mtu, ageMs: 0 }
    } finally {
      measuring.delete(id)
    }
  }
  const measureOnce = async (peer: PeerId, mayPing: boolean): Promise<Sized> => {
    const running = measuring.get(peer.toString()) ?? measure(peer, mayPing)
    measuring.set(peer.toString(), running)
    return running
  }
  /** Begun after the question: one that is under way tells of the path as it was. */
  const measureAnew = async (peer: PeerId): Promise<Sized> => {
    await measuring.get(peer.toString())?.catch(() => undefined)
    return measureOnce(peer, true)
  }
  /** TCP stands still and small datagrams pass: a router may swallow the large ones. */
  const look = (): void => {
    const here = new Map(admission.members().map((peer) => [peer.toString(), peer]))
    for (const id of suspects) if (!here.has(id)) suspects.delete(id)
    for (const [id, { atMs }] of sizes) if (performance.now() - atMs > keptMs) sizes.delete(id)
    for (const [id, peer] of here) {
      const known = sizes.get(id)
      const ageMs = performance.now() - (known?.atMs ?? Number.NEGATIVE_INFINITY)
      const isDue = known?.mtu.isBlackHole === true ? ageMs > recheckMs : ageMs > againMs
      const isStalled =
        suspects.has(id) || (health().of(peer)?.stalledMs ?? 0) >= stallMs || known?.mtu.isBlackHole === true
      if (!isDue || !isStalled || watch.figures(id)?.udp !== 'works' || measuring.has(id)) continue
      suspects.delete(id)
      measureOnce(peer, false).catch(() => undefined) // the path has ended meanwhile
    }
  }
  /** Between two NATs the ports may differ from those that were named: that nothing arrives says nothing of UDP then. */
  const seenAt = (peer: string, figures: LinkFigures | undefined): LinkFigures | undefined => {
    if (figures?.udp !== 'blocked') return figures
    const connections = admission.connections(peerIdFromString(peer))
    return connections.some((one) => pathClassOf(one) === 'punched') ? { udp: 'unknown' } : figures
  }
  const nameOf = (peer: PeerId): string => admission.membership(peer)?.name ?? peer.toString()
  const holes = (): Status['warnings'] =>
    [...sizes.values()].flatMap(({ peer, mtu }): Status['warnings'] => {
      if (!mtu.isBlackHole) return []
      return [
        {
          code: 'UNREACHABLE',
          message: `The path to ${nameOf(peer)} swallows packets: ${holeText(mtu)}.`,
          hint: `mesh-node doctor --mtu ${nameOf(peer)}`
        }
      ]
    })
  return {
    mtu: async (peer, signal) =>
      abortable(measureAnew(peer), signal).catch((err: unknown) => {
        const known = sizes.get(peer.toString())
        if (known === undefined || stopping.signal.aborted) throw err
        const { host: where, mtu, atMs } = known
        return { host: where, mtu, ageMs: Math.round(performance.now() - atMs) }
      }),
    suspect: (peer) => void suspects.add(peer.toString()),
    isSized: (peer) => sizes.has(peer.toString()),
    figures: (peer) => {
      const figures = seenAt(peer, watch.figures(peer))
      const mtu = sizes.get(peer)?.mtu
      return figures === undefined || mtu === undefined ? figures : { ...figures, mtu }
    },
    get sentBytes() {
      return watch.sentBytes
    },
    warnings: () => [
      ...holes(),
      ...admission.members().flatMap((peer): Status['warnings'] => {
        const figures = watch.figures(peer.toString())
        const text = figures === undefined ? undefined : lossText(figures)
        if (text === undefined) return []
        return [
          {
            code: 'UNREACHABLE',
            message: `The path to ${nameOf(peer)} is bad: ${text}.`,
            hint: `mesh-node peers; the network between the two hosts loses them, below the mesh.`
          }
        ]
      })
    ],
    start: async () => {
      if (echoes === 'off') return
      await underlay.echoPorts.open()
      await members.handle(protocol, watch.handler, watch.handlerOptions)
      stopping = new AbortController()
      watch.start()
      timer = setInterval(look, lookMs).unref()
    },
    stop: () => {
      clearInterval(timer)
      stopping.abort(new MeshError('SHUTTING_DOWN'))
      watch.stop()
    }
  }
}
