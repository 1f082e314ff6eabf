import type { PeerId } from '@libp2p/interface'
import { formatHostName, MeshError, parseTarget, toMeshError, type Target } from '@agent-mesh/wire'
import type { Discovery, RecordBook, Resolver } from '@agent-mesh/control-plane'
import {
  createDestinationFinder,
  createProxies,
  parseListenAddress,
  type DataPlane,
  type FindDestination,
  type NameBook,
  type Proxies,
  type ProxyStatus
} from '@agent-mesh/data-plane'
import type { ProxyDocument, ProxyRequest } from '@agent-mesh/wire/api'
import type { Config } from '../config/schema.ts'
import type { ConnectOptions } from '../local-node.ts'
import type { VerbStore } from '../state/verb-store.ts'
import { dnsOf } from './dns.ts'
import type { EventBus } from './event-bus.ts'

export interface NodeProxiesInit {
  verbs: VerbStore
  config: Config
  events: EventBus
  dataPlane: Pick<DataPlane, 'openTarget' | 'candidates'>
  book: Pick<RecordBook, 'pathsInUse'>
  discovery: Pick<Discovery, 'suggest' | 'record'>
  resolver: Resolver
  self: PeerId
}

/** What is kept of a proxy between two runs. */
type Kept = Pick<ProxyDocument, 'kind' | 'listen' | 'allowRemote' | 'allowOutside' | 'hedge'>

const hedgeOf = (hedge: string | undefined): { hedge?: string } => (hedge === undefined ? {} : { hedge })

/** What this node knows of names, as the data plane asks for it. */
const nameBook = ({ book, discovery, resolver }: NodeProxiesInit): NameBook => ({
  pathsInUse: () => book.pathsInUse(),
  learn: async (capability, options) => discovery.suggest(capability, options),
  servicesOf: async (agent, options) => {
    const [candidate] = await resolver.resolve(agent, options)
    if (candidate === undefined) throw new MeshError('NOT_FOUND')
    const record = candidate.record ?? (await discovery.record(candidate.peerId, options))
    if (record !== undefined) return record.services
    throw new MeshError('NOT_FOUND', `What ${candidate.name ?? candidate.peerId.toString()} offers is not known yet.`, {
      hint: 'Write the service in front of the name: <service>.<name>.mesh'
    })
  }
})

/** The proxies: those of the file, those that verbs added and that come back after a restart, and passing ones. */
export class NodeProxies {
  readonly #init: NodeProxiesInit
  readonly #proxies: Proxies
  readonly #findDestination: FindDestination
  readonly #kept = new Map<string, Kept & { isPersistent: boolean }>()
  /** Proxies that could not be opened again at start; kept for the next one. */
  readonly failures: Array<{ listen: string; error: MeshError }> = []

  constructor(init: NodeProxiesInit) {
    this.#init = init
    const names = nameBook(init)
    const { suffix } = init.config.proxy
    this.#findDestination = createDestinationFinder({ book: names, suffix })
    this.#proxies = createProxies({
      openTarget: init.dataPlane.openTarget,
      candidates: init.dataPlane.candidates,
      names,
      suffix,
      dns: dnsOf(init),
      onEvent: ({ event, ...fields }) => init.events.emit(event === 'proxy:failed' ? 'warn' : 'debug', event, fields)
    })
  }

  async start(): Promise<void> {
    const { socks, http, dns, allow_remote: allowRemote, allow_outside: allowOutside, hedge } = this.#init.config.proxy
    const inFile = [
      ...socks.map((listen): Kept => ({ kind: 'socks', listen, allowRemote, allowOutside })),
      ...http.map((listen): Kept => ({ kind: 'http', listen, allowRemote, allowOutside, ...hedgeOf(hedge) })),
      ...dns.map((listen): Kept => ({ kind: 'dns', listen, allowRemote, allowOutside: [] }))
    ]
    for (const kept of inFile) await this.#reopen(kept, false)
    for (const kept of this.#init.verbs.state.proxies) await this.#reopen(kept, true)
  }

  /** Closes the doors; what runs through them goes on to its end. */
  close(): void {
    this.#proxies.close()
  }

  /** @throws MeshError ADDRESS_INVALID, ADDRESS_IN_USE, USAGE, STATE_UNREADABLE */
  async add({
    kind,
    listen,
    allowRemote = false,
    allowOutside: allowed = [],
    hedge,
    foreground
  }: ProxyRequest): Promise<ProxyDocument> {
    // A responder answers for names of the mesh alone.
    const allowOutside = kind === 'dns' ? [] : allowed
    const isPersistent = foreground !== true
    const kept: Kept = { kind, listen, allowRemote, allowOutside, ...hedgeOf(hedge) }
    const status = await this.#open(kept, isPersistent)
    if (!isPersistent) return this.#document(status)
    try {
      await this.#init.verbs.update((state) => ({
        ...state,
        proxies: [...state.proxies, { ...kept, listen: status.listen }]
      }))
    } catch (err) {
      this.#proxies.remove(status.id)
      throw err
    }
    return this.#document(status)
  }

  /** @throws MeshError PROXY_UNKNOWN, STATE_UNREADABLE */
  async remove(idOrListen: string): Promise<ProxyDocument> {
    const found = this.#proxies.list().find((one) => one.id === idOrListen || one.listen === idOrListen)
    if (found === undefined) throw new MeshError('PROXY_UNKNOWN', `There is no proxy ${idOrListen}.`)
    const document = this.#document(found)
    await this.#init.verbs.update((state) => ({
      ...state,
      proxies: state.proxies.filter((one) => one.listen !== found.listen)
    }))
    this.#proxies.remove(found.id)
    this.#kept.delete(found.id)
    return document
  }

  list(): ProxyDocument[] {
    return this.#proxies.list().map((one) => this.#document(one))
  }

  /**
   * What a person or a program typed, with all that it leaves out: a host name, or a target whose service its port or its
   * kind says.
   * @throws MeshError TARGET_INVALID, CAPABILITY_AMBIGUOUS, NAME_UNKNOWN, NOT_FOUND, NAME_OUTSIDE
   */
  async targetOf(text: string, { port, kind, signal }: ConnectOptions): Promise<Target> {
    const { suffix } = this.#init.config.proxy
    const isForSomething = port !== undefined || kind !== undefined
    const find = async (host: string): Promise<Target> => {
      const destination = await this.#findDestination({ host, port, serviceKind: kind, signal })
      return destination.kind === 'mesh' ? destination.target : parseTarget(text, suffix)
    }
    if (!text.includes('.') || text.includes('/')) {
      const target = parseTarget(text, suffix)
      const isWhole = target.kind === 'capability' || target.service !== undefined || !isForSomething
      return isWhole ? target : find(formatHostName(target, suffix))
    }
    try {
      return await find(text)
    } catch (err) {
      if (isForSomething || toMeshError(err).code !== 'NAME_OUTSIDE') throw err
      return parseTarget(text, suffix)
    }
  }

  async #open(kept: Kept, isPersistent: boolean): Promise<ProxyStatus> {
    const status = await this.#proxies.add({ ...kept, listen: parseListenAddress(kept.listen) })
    this.#kept.set(status.id, { ...kept, isPersistent })
    return status
  }

  async #reopen(kept: Kept, isPersistent: boolean): Promise<void> {
    try {
      await this.#open(kept, isPersistent)
    } catch (err) {
      const error = toMeshError(err)
      this.failures.push({ listen: kept.listen, error })
      this.#init.events.emit('error', 'proxy:failed', {
        kind: kept.kind,
        listen: kept.listen,
        code: error.code,
        message: error.message
      })
    }
  }

  #document(status: ProxyStatus): ProxyDocument {
    const { allowRemote = false, allowOutside = [], hedge, isPersistent = false } = this.#kept.get(status.id) ?? {}
    const { suffix, dns_range: range } = this.#init.config.proxy
    const more = { ...(status.kind === 'dns' ? { range } : {}), ...hedgeOf(hedge) }
    return { ...status, suffix, ...more, allowRemote, allowOutside, isPersistent }
  }
}
