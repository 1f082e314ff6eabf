import { peerIdFromString } from '@libp2p/peer-id'
import { MeshError, limits, toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { createBackOff, type BackOff } from '../discovery/back-off.ts'
import { deadline } from '../discovery/deadline.ts'
import type { Connection, Stream } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import type { Frame } from './frame.ts'
import { Link } from './link.ts'

export interface LinksInit {
  protocol: string
  admission: Pick<Admission, 'connections' | 'has' | 'isAdmitted'>
  /** Milliseconds; only differences matter. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
  onFrame: (peer: string, frame: Frame) => void
  /** A stream was refused, ended in disorder or could not be opened. */
  onFailed: (peer: string, code: ErrorCode) => void
}

interface Neighbour {
  links: Link[]
  /** What is sent once the stream that is being opened is open. */
  waiting: Frame[]
  isOpening: boolean
}

const openTimeoutMs = 5_000
const mostWaiting = 32
/** Streams of one neighbour: both may open one at the same moment. */
const mostLinks = 4
/** What a neighbour may send at once: a comparison of a full view. */
const framesAtOnce = 1_024
/** And in the long run: a probe a second, its answers, and what is probed for others. */
const framesPerSecond = 64

/** The streams to all neighbours: opened when there is something to say, kept, and opened again when they die. */
export class Links {
  readonly handlerOptions = {
    maxInboundStreams: mostLinks,
    maxOutboundStreams: mostLinks,
    runOnLimitedConnection: true
  }
  readonly #init: LinksInit
  readonly #neighbours = new Map<string, Neighbour>()
  readonly #backOff: BackOff
  readonly #paces: TokenBuckets
  #stopping: AbortController | undefined

  constructor(init: LinksInit) {
    this.#init = init
    const { now, random } = init
    this.#backOff = createBackOff({ baseMs: 500, maxMs: 15_000, goodAfterMs: 10_000, now, random })
    this.#paces = new TokenBuckets({
      capacity: framesAtOnce,
      perSecond: framesPerSecond,
      keys: limits.healthMembers,
      now
    })
  }

  start(): void {
    this.#stopping ??= new AbortController()
  }

  stop(): void {
    this.#stopping?.abort(new MeshError('SHUTTING_DOWN'))
    this.#stopping = undefined
    for (const peer of this.#neighbours.keys()) this.drop(peer)
  }

  /** Ends what there is with a peer: it is gone, or it was started again. */
  drop(peer: string): void {
    const neighbour = this.#neighbours.get(peer)
    this.#neighbours.delete(peer)
    this.#backOff.keep(new Set(this.#neighbours.keys()))
    for (const link of neighbour?.links ?? []) link.end()
  }

  /** @returns false where it cannot be sent: not connected, or the last stream failed a moment ago */
  send(peer: string, frame: Frame): boolean {
    if (this.#stopping === undefined) return false
    const neighbour = this.#neighbourOf(peer)
    // A peer that moved has left streams behind that take everything and lead nowhere.
    for (const link of neighbour.links.toSorted((a, b) => b.heard - a.heard)) if (link.send(frame)) return true
    if (!neighbour.isOpening && !this.#open(peer, neighbour)) return false
    if (neighbour.waiting.length >= mostWaiting) return false
    neighbour.waiting.push(frame)
    return true
  }

  readonly handler = (stream: Stream, connection: Connection): void => {
    if (this.#stopping === undefined) stream.abort(new MeshError('SHUTTING_DOWN'))
    else this.#add(connection.remotePeer.toString(), stream)
  }

  #neighbourOf(peer: string): Neighbour {
    const neighbour = this.#neighbours.get(peer) ?? { links: [], waiting: [], isOpening: false }
    this.#neighbours.set(peer, neighbour)
    return neighbour
  }

  #add(peer: string, stream: Stream): void {
    const neighbour = this.#neighbourOf(peer)
    const link = new Link({
      stream,
      onFrame: (frame) => this.#init.onFrame(peer, frame),
      mayRead: () => this.#paces.take(peer),
      onEnd: (error) => {
        neighbour.links = neighbour.links.filter((one) => one !== link)
        this.#backOff.ended(peer)
        if (error !== undefined) this.#init.onFailed(peer, error.code)
      }
    })
    if (!link.isOpen) return
    neighbour.links.push(link)
    this.#backOff.connected(peer)
    if (neighbour.links.length > mostLinks) neighbour.links[0]?.end()
    for (const frame of neighbour.waiting.splice(0)) link.send(frame)
  }

  #open(peer: string, neighbour: Neighbour): boolean {
    const { admission, now } = this.#init
    if (now() < this.#backOff.notBefore(peer)) return false
    const [connection] = admission
      .connections(peerIdFromString(peer))
      .toSorted(
        (a, b) => Number(a.limits !== undefined) - Number(b.limits !== undefined) || b.timeline.open - a.timeline.open
      )
    if (connection === undefined) return false
    neighbour.isOpening = true
    this.#backOff.attempted(peer)
    void this.#fill(peer, neighbour, connection)
    return true
  }

  async #fill(peer: string, neighbour: Neighbour, connection: Connection): Promise<void> {
    try {
      const stream = await this.#openOn(connection)
      if (this.#neighbours.get(peer) === neighbour && this.#stopping !== undefined) this.#add(peer, stream)
      else stream.abort(new MeshError('CONNECTION_LOST'))
    } catch (err) {
      neighbour.waiting.length = 0
      this.#init.onFailed(peer, toMeshError(err, 'CONNECTION_LOST').code)
    } finally {
      neighbour.isOpening = false
    }
  }

  async #openOn(connection: Connection): Promise<Stream> {
    const { maxOutboundStreams, runOnLimitedConnection } = this.handlerOptions
    return connection.newStream(this.#init.protocol, {
      signal: deadline(openTimeoutMs, this.#stopping?.signal),
      maxOutboundStreams,
      runOnLimitedConnection
    })
  }
}
