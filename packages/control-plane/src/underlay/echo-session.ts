import { limits } from '@agent-mesh/wire'
import { EchoAnswerer } from './echo-answerer.ts'
import { EchoDriver, type LinkFigures } from './echo-driver.ts'
import { encodeEcho, readEcho, type EchoKind, type EchoPacket } from './echo-packet.ts'
import { noArrivals, type Arrivals } from './sequence-tally.ts'
import type { Endpoint } from './stun-message.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'

export interface EchoSessionInit {
  role: 'driver' | 'answerer'
  id: Uint8Array
  key: Uint8Array
  /** The host that the connection leads to: nothing is sent elsewhere until an authentic packet came from there. */
  host: string
  send: (bytes: Uint8Array, to: Endpoint) => void
  /** Milliseconds of a clock that never goes back. */
  now: () => number
}

interface Sized {
  resolve: (isAnswered: boolean | undefined) => void
}

/** So many packets make the way for requests through a gateway on this side. */
const openings = 3
const openEveryMs = 1_000

/** UDP echoes between the two ends of one connection, from one end. */
export class EchoSession {
  readonly role: EchoSessionInit['role']
  readonly host: string
  readonly #init: EchoSessionInit
  readonly #driver: EchoDriver | undefined
  readonly #answerer: EchoAnswerer | undefined
  readonly #sized = new Map<number, Sized>()
  readonly #paces: TokenBuckets
  readonly #sizedPaces: TokenBuckets
  #candidates: Endpoint[] = []
  #turn = 0
  #to: Endpoint | undefined
  #sizedSequence = 0
  #openings = 0
  #openedMs = Number.NEGATIVE_INFINITY
  #bytes = 0
  #isOver = false

  constructor(init: EchoSessionInit) {
    const { now, role } = init
    this.#init = init
    this.role = role
    this.host = init.host
    if (role === 'driver') this.#driver = new EchoDriver(now())
    else this.#answerer = new EchoAnswerer(now())
    const perSecond = limits.echoRequestsPerSecond
    this.#paces = new TokenBuckets({ capacity: perSecond, perSecond, keys: 1, now })
    this.#sizedPaces = new TokenBuckets({
      capacity: limits.echoesSizedAtOnce,
      perSecond: limits.echoesSizedPerSecond,
      keys: 1,
      now
    })
  }

  /** Bytes of UDP that this side has sent. */
  get sentBytes(): number {
    return this.#bytes
  }

  /** @param ports - of the other side */
  begin(ports: number[]): void {
    this.#candidates = ports.slice(0, limits.echoPorts).map((port) => ({ host: this.host, port }))
  }

  /** When {@link tick} has something to do. */
  nextMs(nowMs: number): number {
    if (this.#driver !== undefined) return this.#driver.nextMs(nowMs)
    return this.#openings < openings ? this.#openedMs + openEveryMs : Infinity
  }

  tick(nowMs: number): void {
    if (this.nextMs(nowMs) > nowMs) return
    if (this.#driver !== undefined) {
      const { sequence, arrivals } = this.#driver.request(nowMs)
      this.#sendTo(this.#target(), this.#packet('request', sequence, 0, arrivals))
      return
    }
    this.#openings++
    this.#openedMs = nowMs
    for (const to of this.#candidates) this.#sendTo(to, this.#packet('open', this.#openings, 0, noArrivals))
  }

  set isUsed(isUsed: boolean) {
    if (this.#driver !== undefined) this.#driver.isUsed = isUsed
  }

  /** @param reply - sends back from the socket that the datagram came to */
  take(bytes: Uint8Array, from: Endpoint, reply: (bytes: Uint8Array) => void): void {
    const packet = readEcho(bytes, this.#init.key)
    if (packet === undefined) return
    const nowMs = this.#init.now()
    switch (packet.kind) {
      case 'request':
        this.#request(packet, from, reply, nowMs)
        break
      case 'answer':
        this.#to = from
        this.#driver?.answered(packet.sequence, packet.echoed, packet.arrivals, nowMs)
        break
      case 'sized': {
        // As long as the other side wants it, and never longer than what it sent.
        const size = Math.min(bytes.length, Math.max(limits.echoBytes, packet.echoed))
        if (!this.#sizedPaces.take('all')) return
        this.#bytes += size
        reply(encodeEcho(this.#packet('sized-answer', 0, packet.sequence, noArrivals), this.#init.key, size))
        break
      }
      case 'sized-answer':
        this.#sized.get(packet.echoed)?.resolve(true)
        break
      case 'open':
        // Where a gateway gives the other side another port than its own, this is the one that leads there.
        this.#candidates = [from, ...this.#candidates].slice(0, limits.echoPorts)
        this.#turn = 0
        break
    }
  }

  /**
   * Sends one datagram of a size, over a way that is known to work.
   * @param answerBytes - how long the answer is to be, at most `sizeBytes`
   * @returns whether it was answered before the signal; undefined where no way is known yet, or none any longer
   */
  async sized(sizeBytes: number, answerBytes: number, signal: AbortSignal): Promise<boolean | undefined> {
    const to = this.#to
    if (to === undefined || this.#isOver) return undefined
    const sequence = ++this.#sizedSequence
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>()
    const onAbort = (): void => resolve(false)
    this.#sized.set(sequence, { resolve })
    signal.addEventListener('abort', onAbort)
    try {
      if (signal.aborted) return false
      const packet = this.#packet('sized', sequence, answerBytes, noArrivals)
      this.#bytes += sizeBytes
      this.#init.send(encodeEcho(packet, this.#init.key, sizeBytes), to)
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#sized.delete(sequence)
    }
  }

  /** Nothing of it arrives any longer. */
  end(): void {
    this.#isOver = true
    for (const { resolve } of this.#sized.values()) resolve(undefined)
  }

  figures(nowMs: number): LinkFigures {
    return this.#driver?.figures(nowMs) ?? this.#answerer?.figures(nowMs) ?? { udp: 'unknown' }
  }

  #request(packet: EchoPacket, from: Endpoint, reply: (bytes: Uint8Array) => void, nowMs: number): void {
    if (!this.#paces.take('all')) return
    const answer = this.#answerer?.requested(packet.sequence, packet.arrivals, nowMs)
    if (answer === undefined) return
    this.#to = from
    this.#bytes += limits.echoBytes
    reply(encodeEcho(this.#packet('answer', answer.sequence, packet.sequence, answer.arrivals), this.#init.key))
  }

  /** The one that answers; while none does, each in turn. */
  #target(): Endpoint | undefined {
    if (this.#driver?.figures(this.#init.now()).udp === 'works') return this.#to
    return this.#candidates[this.#turn++ % Math.max(1, this.#candidates.length)]
  }

  #packet(kind: EchoKind, sequence: number, echoed: number, arrivals: Arrivals): EchoPacket {
    return { kind, session: this.#init.id, sequence, echoed, arrivals }
  }

  #sendTo(to: Endpoint | undefined, packet: EchoPacket): void {
    if (to === undefined) return
    this.#bytes += limits.echoBytes
    this.#init.send(encodeEcho(packet, this.#init.key), to)
  }
}
