import { formatTarget, isMeshHost, limits, MeshError, parseHostName, quote, toMeshError } from '@agent-mesh/wire'
import type { ListedService } from '@agent-mesh/wire'
import { withDeadline } from '../../deadline.ts'
import type { FindDestination, NameBook } from '../destination.ts'
import type { DoorCount } from '../door.ts'
import type { OpenDestination } from '../open-destination.ts'
import { AddressTable } from './address-table.ts'
import { writeAnswer, writeRefusal, type DnsAnswer, type Explanation } from './answer.ts'
import { HostDoors } from './host-doors.ts'
import type { LoopbackRange } from './loopback-range.ts'
import { readQuery, type DnsQuery, type DnsQuestion } from './query.ts'
import { portsFor } from './service-ports.ts'

/** What the node knows of names, for answers of DNS. */
export interface DnsBook extends NameBook {
  /**
   * The services that answer a capability, of all agents that may be used for it.
   * @throws MeshError NOT_FOUND where nobody offers it; anything else says that it is not known who does
   */
  answering: (capability: string, options: { signal: AbortSignal }) => Promise<readonly ListedService[]>
}

export interface DnsSettings {
  range: LoopbackRange
  /** Ports for services of a kind that has none of its own. */
  extraPorts: readonly number[]
  /** Makes the addresses of this node others than those of another one on the same machine. */
  salt: string
  /** Monotonic milliseconds. */
  now?: (() => number) | undefined
}

export interface DnsZoneInit extends DnsSettings {
  suffix: string
  book: DnsBook
  findDestination: FindDestination
  openDestination: OpenDestination
}

/** What a name stands for, as far as it matters for its doors. */
interface Known {
  services: readonly ListedService[]
  who: string
  isChosen: boolean
}

/** RFC 1035, section 3.2.2 and 3.2.3, and RFC 1995. */
const types = { a: 1, soa: 6, incrementalTransfer: 251, transfer: 252, any: 255 } as const
const internet = 1

/** How often another address is tried where a program of somebody else is on one. */
const mostMoves = 4

const nothing: DnsAnswer = { rcode: 'noError', authority: 'beside' }

const explanationOf = ({ code }: MeshError): Explanation => {
  if (code === 'DENIED' || code === 'REVOKED') return 'prohibited'
  return code === 'TIMEOUT' || code === 'UNREACHABLE' ? 'noReachableAuthority' : 'other'
}

/** Codes that say for certain that a name means nobody. */
const unknownCodes: ReadonlySet<string> = new Set(['NAME_UNKNOWN', 'PEER_UNKNOWN', 'SERVICE_UNKNOWN', 'TARGET_INVALID'])

const failure = (error: MeshError): DnsAnswer => ({
  rcode: 'serverFailure',
  why: { code: explanationOf(error), text: error.message }
})

/**
 * The names of the mesh for clients that ask by DNS: each has a loopback address of its own, on which the node listens.
 * There is one zone for all responders of a node; it holds doors open while there is one.
 */
export class DnsZone {
  readonly #init: DnsZoneInit
  readonly #now: () => number
  readonly #table: AddressTable
  readonly #doors = new Map<string, HostDoors>()
  /** Hosts whose address somebody was told. */
  readonly #told = new Set<string>()
  readonly #openings = new Map<string, Promise<string>>()
  readonly #lookups = new Map<string, Promise<Known>>()
  readonly #known = new Map<string, { known: Known; untilMs: number }>()
  readonly #counts = new Set<DoorCount>()
  #queries = 0
  #clients = 0

  constructor(init: DnsZoneInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
    this.#table = new AddressTable({ ...init, most: limits.dnsNames, now: this.#now })
  }

  /** A responder begins to answer; the function that comes back is called when it is closed. */
  attach(count: DoorCount): () => void {
    this.#counts.add(count)
    return () => {
      this.#counts.delete(count)
      if (this.#counts.size === 0) this.#close()
    }
  }

  /** The answer to a message, of at most 512 bytes; undefined where there is none. Never rejects. */
  async respond(message: Buffer): Promise<Buffer | undefined> {
    const read = readQuery(message)
    if (read === undefined) return undefined
    if ('head' in read) return writeRefusal(read.head, read.rcode)
    const { query } = read
    const { suffix } = this.#init
    const style = { suffix, ttlS: limits.dnsTtlMs / 1_000, negativeTtlS: limits.dnsNegativeTtlMs / 1_000 }
    if (this.#queries >= limits.dnsQueries) {
      const error = new MeshError('LIMIT_EXCEEDED', `${limits.dnsQueries} questions wait for an answer.`)
      return writeAnswer(query, failure(error), style)
    }
    this.#queries += 1
    try {
      return writeAnswer(query, await this.#answer(query), style)
    } finally {
      this.#queries -= 1
    }
  }

  async #answer({ question, extension }: DnsQuery): Promise<DnsAnswer> {
    const { suffix } = this.#init
    const host = question.host.toLowerCase()
    if (extension !== undefined && extension.version > 0) return { rcode: 'badVersion' }
    const isTransfer = question.type === types.transfer || question.type === types.incrementalTransfer
    if (question.class !== internet || isTransfer || !isMeshHost(host, suffix)) {
      const text = `Only names that end in .${suffix} are answered, one at a time.`
      return { rcode: 'refused', why: { code: 'notAuthoritative', text } }
    }
    if (host === suffix) return question.type === types.soa ? { rcode: 'noError', authority: 'answer' } : nothing
    if (host === `cap.${suffix}`) return nothing
    try {
      return await withDeadline(
        {
          ms: limits.dnsAnswerMs,
          expired: () =>
            new MeshError('TIMEOUT', `${quote(host, 253)} was not found within ${limits.dnsAnswerMs} ms; ask again.`)
        },
        () => this.#answerName(host, question)
      )
    } catch (err) {
      const error = toMeshError(err)
      if (unknownCodes.has(error.code))
        return { rcode: 'nameError', authority: 'beside', why: { code: 'other', text: error.message } }
      this.#failed(error, host)
      return failure(error)
    }
  }

  async #answerName(host: string, { type }: DnsQuestion): Promise<DnsAnswer> {
    const known = await this.#find(host)
    if (type !== types.a && type !== types.any) return nothing
    const ports = portsFor(known.services, { ...known, extra: this.#init.extraPorts })
    if (ports.length === 0) {
      const text = `No port leads to a service of ${known.who}: see proxy.dns_ports.`
      return { ...nothing, why: { code: 'other', text } }
    }
    const before = this.#openings.get(host) ?? Promise.resolve('')
    const opening = before.then(
      () => this.#open(host, ports),
      () => this.#open(host, ports)
    )
    this.#openings.set(host, opening)
    try {
      return { rcode: 'noError', address: await opening }
    } finally {
      if (this.#openings.get(host) === opening) this.#openings.delete(host)
    }
  }

  /** What a name stands for. Whoever asks for it at the same time, or within the next second, shares the answer. */
  async #find(host: string): Promise<Known> {
    const before = this.#known.get(host)
    if (before !== undefined && before.untilMs > this.#now()) return before.known
    this.#known.delete(host)
    const running = this.#lookups.get(host)
    if (running !== undefined) return running
    const looking = this.#lookUp(host)
    this.#lookups.set(host, looking)
    try {
      const known = await looking
      if (this.#known.size >= limits.dnsNames) this.#known.clear()
      this.#known.set(host, { known, untilMs: this.#now() + limits.proxyNameMs })
      return known
    } finally {
      this.#lookups.delete(host)
    }
  }

  /** It goes on where the client does not wait for it: resolvers ask again. */
  async #lookUp(host: string): Promise<Known> {
    const { book, findDestination, suffix } = this.#init
    const name = parseHostName(host, suffix)
    if (name === undefined) throw new MeshError('NAME_OUTSIDE')
    const signal = AbortSignal.timeout(limits.lookupTimeoutMs)
    if (name.kind === 'skill') {
      const destination = await findDestination({ host, signal })
      if (destination.kind !== 'mesh' || destination.target.kind !== 'capability') throw new MeshError('INTERNAL')
      const { target } = destination
      const services = await book.answering(target.capability, { signal }).catch((err: unknown) => {
        const error = toMeshError(err)
        throw error.code === 'NOT_FOUND' ? new MeshError('NAME_UNKNOWN', error.message) : error
      })
      return { services, who: formatTarget(target), isChosen: true }
    }
    const { service: chosen, ...agent } = name
    const services = await book.servicesOf(agent, { signal })
    const who = name.kind === 'name' ? name.name : name.peerId
    if (chosen === undefined) return { services, who, isChosen: false }
    const meant = services.filter((one) => one.name === chosen)
    if (meant.length > 0) return { services: meant, who: formatTarget(name), isChosen: true }
    throw new MeshError('SERVICE_UNKNOWN', `${quote(who)} offers no service ${quote(chosen)}.`)
  }

  /** Listens for a host. @returns its address */
  async #open(host: string, ports: readonly number[]): Promise<string> {
    for (let move = 0; ; move++) {
      const doors = this.#doorsOf(host)
      try {
        await doors.listenOn(ports)
        if (this.#counts.size === 0) throw new MeshError('SHUTTING_DOWN', 'The responder was closed.')
        this.#table.touch(host, limits.dnsKeepMs)
        this.#told.add(host)
        return doors.address
      } catch (err) {
        const error = toMeshError(err)
        // Who was told the address may still come to it.
        if (this.#told.has(host) && error.code !== 'SHUTTING_DOWN') throw error
        const isTaken = error.code === 'ADDRESS_IN_USE'
        if (isTaken) this.#table.avoid(host)
        else this.#table.forget(host)
        this.#giveUp(host)
        if (isTaken && move < mostMoves) continue
        const { code, message } = error
        throw new MeshError(code, message, { cause: error, hint: 'mesh-node proxy --print-setup' })
      }
    }
  }

  #doorsOf(host: string): HostDoors {
    const { address, lost } = this.#table.assign(host)
    if (lost !== undefined) this.#giveUp(lost)
    // Until its doors are open, nobody else may have the address.
    this.#table.touch(host, limits.dnsKeepMs)
    const before = this.#doors.get(host)
    if (before !== undefined) return before
    const { findDestination, openDestination } = this.#init
    const doors = new HostDoors({
      host,
      address,
      findDestination,
      openDestination,
      enter: () => this.#enter(host),
      onFailed: (error) => this.#failed(error, host)
    })
    this.#doors.set(host, doors)
    return doors
  }

  #enter(host: string): () => void {
    if (this.#clients >= limits.proxyConnections)
      throw new MeshError('LIMIT_EXCEEDED', `${limits.proxyConnections} connections to names are open.`)
    this.#clients += 1
    const release = this.#table.hold(host)
    const counts = [...this.#counts]
    for (const count of counts) count.enter()
    return () => {
      this.#clients -= 1
      release()
      for (const count of counts) count.leave()
    }
  }

  /** One responder tells of it; which one a client had asked is not known. */
  #failed(error: MeshError, host: string): void {
    const [first] = this.#counts
    first?.fail(error, host)
  }

  #giveUp(host: string): void {
    this.#doors.get(host)?.close()
    this.#doors.delete(host)
    this.#told.delete(host)
  }

  #close(): void {
    for (const host of this.#doors.keys()) this.#giveUp(host)
    this.#known.clear()
  }
}
