import { limits, MeshError, parseCapability, toMeshError, withAncestors } from '@agent-mesh/wire'
import { formatUpstream, makeService, type Service } from '@agent-mesh/data-plane'
import type { Discovery, OfferedService, SelfDescription, Taxonomy } from '@agent-mesh/control-plane'
import type {
  CheckRequest,
  Publication,
  PublishRequest,
  PublishResponse,
  ServeRequest,
  ServeResponse,
  ServiceDocument
} from '@agent-mesh/wire/api'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Config } from '../config/schema.ts'
import type { VerbStore } from '../state/verb-store.ts'
import { createAllowList, type AllowList } from '../config/allow-list.ts'
import { checkDocument, checkSettings, saidInFile, saidOfCheck, type ServiceChecks } from './service-checks.ts'

/** Where services are put so that tunnels reach them. */
interface ServiceTable {
  addService: (service: Service, options?: { replace?: boolean }) => void
  removeService: (name: string) => Service
  /** Who may open a service has changed: tunnels that run are asked about again. */
  recheck: () => unknown
}

export interface OffersInit {
  name: string
  verbs: VerbStore
  config: Config
  table: ServiceTable
  discovery: Discovery
  checks: Pick<ServiceChecks, 'put' | 'remove' | 'of'>
  taxonomy?: Taxonomy | undefined
  /** Who may open a service, in words. */
  ruleOf: (service: string) => string
  /** What the record tells others. */
  addresses: () => Multiaddr[]
}

interface Offer {
  service: Service
  isFromFile: boolean
  allow?: AllowList
  /** What was said of its checks. */
  check: CheckRequest
  weight: number
}

/** What this node offers to others, and what became of telling them. */
export class Offers {
  readonly #init: OffersInit
  readonly #offers = new Map<string, Offer>()
  #publication: Publication | undefined

  constructor(init: OffersInit) {
    this.#init = init
  }

  /** Puts the services of the file and of earlier verbs into the table. The file wins where both name one. */
  start(): void {
    for (const { name, address, capabilities, allow, weight, proxy_protocol: isTold, ...said } of this.#init.config
      .services) {
      const service = introduced(makeService(name, address, capabilities), isTold)
      this.#put({ service, isFromFile: true, ...listOf(allow), check: saidInFile(said), weight })
    }
    for (const { name, address, capabilities, allow, check = {}, weight = 1, proxyProtocol } of this.#init.verbs.state
      .services) {
      if (this.#offers.has(name)) continue
      const service = introduced(makeService(name, address, capabilities), proxyProtocol)
      this.#put({ service, isFromFile: false, ...listOf(allow), check: saidOfCheck(check), weight })
    }
  }

  services(): ServiceDocument[] {
    return [...this.#offers.values()].map((offer) => this.#document(offer))
  }

  /** What is served, with the weight of each beside others that offer the same. */
  weights(): Array<{ name: string; weight: number }> {
    return [...this.#offers.values()].map(({ service, weight }) => ({ name: service.name, weight }))
  }

  capabilities(): Array<{ capability: string; service?: string }> {
    const answered = this.services().flatMap(({ name, capabilities }) =>
      capabilities.map((capability) => ({ capability, service: name }))
    )
    return [
      ...answered,
      ...this.#init.config.capabilities.map((capability) => ({ capability })),
      ...this.#ownCapabilities()
    ]
  }

  /** Whom a service is for; undefined where it is for every member. */
  allowOf(name: string): AllowList | undefined {
    return this.#offers.get(name)?.allow
  }

  /** What a service answers, those capabilities included that were published for it. */
  capabilitiesOf(name: string): string[] {
    return [...new Set([...(this.#offers.get(name)?.service.capabilities ?? []), ...this.#publishedFor(name)])]
  }

  get publication(): Publication | undefined {
    return this.#publication
  }

  /** What the record says of this node. */
  describe(): SelfDescription {
    const services: OfferedService[] = [...this.#offers.values()].map(({ service: { name, kind, capabilities } }) => ({
      name,
      kind,
      capabilities: [...new Set([...capabilities, ...this.#publishedFor(name)])]
    }))
    const bare = [
      ...this.#init.config.capabilities,
      ...this.#ownCapabilities()
        .filter((one) => one.service === undefined || !this.#offers.has(one.service))
        .map((one) => one.capability)
    ]
    return {
      addresses: this.#init.addresses().slice(0, limits.addressesPerRecord),
      services,
      capabilities: [...new Set(bare)]
    }
  }

  /**
   * Tunnels that run and that the list does not allow are cut.
   * @throws MeshError SERVICE_TAKEN, SERVICE_INVALID, NAME_INVALID, CAPABILITY_*, LIMIT_EXCEEDED
   */
  async serve(name: string, request: ServeRequest): Promise<ServeResponse> {
    const capabilities = [
      ...new Set((request.capabilities ?? []).map((capability) => this.#checkCapability(capability)))
    ]
    const existing = this.#offers.get(name)
    const service = introduced(
      makeService(name, request.address, capabilities),
      request.proxyProtocol ?? existing?.service.wantsProxyHeader
    )
    if (existing !== undefined && request.replace !== true) {
      throw new MeshError('SERVICE_TAKEN', `"${name}" is served already, at ${formatUpstream(existing.service)}.`)
    }
    if (existing?.isFromFile === true)
      throw new MeshError('SERVICE_TAKEN', `"${name}" is served by the configuration file.`, {
        hint: 'Change it in the configuration file and start the node again.'
      })
    if (existing === undefined && this.#offers.size >= limits.servicesPerNode)
      throw new MeshError('LIMIT_EXCEEDED', `A node serves at most ${limits.servicesPerNode} services.`)
    this.#checkKeys(capabilities, name)
    // Whoever replaces a service to move it must not open it to everybody by the way, nor change how it is checked.
    const allow = request.allow ?? existing?.allow?.subjects
    const check = saidOfCheck({ ...existing?.check, ...request.check })
    checkSettings(service, check)
    const weight = request.weight ?? existing?.weight ?? 1
    const list = listOf(allow)
    await this.#init.verbs.update((state) => ({
      ...state,
      services: [
        ...state.services.filter((one) => one.name !== name),
        {
          name,
          address: formatUpstream(service),
          capabilities,
          ...(list.allow === undefined ? {} : { allow: [...list.allow.subjects] }),
          ...(Object.keys(check).length === 0 ? {} : { check }),
          ...(weight === 1 ? {} : { weight }),
          ...(service.wantsProxyHeader === true ? { proxyProtocol: true } : {})
        }
      ]
    }))
    const offer: Offer = { service, isFromFile: false, ...list, check, weight }
    this.#put(offer)
    this.#init.table.recheck()
    return { service: this.#document(offer), publication: await this.#publishOrPending() }
  }

  /** @throws MeshError SERVICE_UNKNOWN */
  async unserve(name: string): Promise<void> {
    const offer = this.#offers.get(name)
    if (offer === undefined)
      throw new MeshError('SERVICE_UNKNOWN', `This node serves no "${name}".`, {
        hint: 'mesh-node status lists what is served.'
      })
    if (offer.isFromFile)
      throw new MeshError('SERVICE_TAKEN', `"${name}" is served by the configuration file.`, {
        hint: 'Remove it from the configuration file and start the node again.'
      })
    await this.#init.verbs.update((state) => ({
      ...state,
      services: state.services.filter((one) => one.name !== name),
      capabilities: state.capabilities.filter((one) => one.service !== name)
    }))
    this.#offers.delete(name)
    this.#init.checks.remove(name)
    this.#init.table.removeService(name)
    await this.#publishOrPending()
  }

  /** @throws MeshError NOT_PUBLISHED where nobody stored it: it stays declared and is tried again by itself */
  async publish({ capability, service }: PublishRequest): Promise<PublishResponse> {
    this.#checkCapability(capability)
    if (service !== undefined && !this.#offers.has(service))
      throw new MeshError('SERVICE_UNKNOWN', `This node serves no "${service}".`, {
        hint: `mesh-node serve ${service}=http://127.0.0.1:8000`
      })
    this.#checkKeys([capability])
    const suggestions = await this.#nearOnes(capability)
    await this.#init.verbs.update((state) => ({
      ...state,
      capabilities: [
        ...state.capabilities.filter((one) => one.capability !== capability),
        { capability, ...(service === undefined ? {} : { service }) }
      ]
    }))
    const publication = await this.publishNow()
    return { capability, ...(service === undefined ? {} : { service }), publication, suggestions }
  }

  /** @throws MeshError NOT_FOUND where it was not published by a verb, NOT_PUBLISHED */
  async unpublish(capability: string): Promise<PublishResponse> {
    parseCapability(capability)
    if (!this.#ownCapabilities().some((one) => one.capability === capability)) {
      throw new MeshError('NOT_FOUND', `"${capability}" was not published by a verb of this node.`, {
        hint: 'mesh-node status lists what is published; a capability of a service goes with mesh-node unserve.'
      })
    }
    await this.#init.verbs.update((state) => ({
      ...state,
      capabilities: state.capabilities.filter((one) => one.capability !== capability)
    }))
    return { capability, publication: await this.publishNow(), suggestions: [] }
  }

  /** @throws MeshError NOT_PUBLISHED, LIMIT_EXCEEDED, TIMEOUT */
  async publishNow(options: { signal?: AbortSignal } = {}): Promise<Publication> {
    try {
      const report = await this.#init.discovery.publish(this.describe(), options)
      return this.noteStored(report)
    } catch (err) {
      this.noteFailed(toMeshError(err, 'NOT_PUBLISHED'))
      throw err
    }
  }

  /** A publication went through; also called for those that the control plane repeats by itself. */
  noteStored({ storedBy, untilMs, sequence }: { storedBy: number; untilMs: number; sequence: number }): Publication {
    this.#publication = { storedBy, untilMs, sequence, capabilities: this.#allCapabilities() }
    return this.#publication
  }

  noteFailed(err: MeshError): Publication {
    this.#publication = {
      storedBy: 0,
      untilMs: 0,
      sequence: this.#init.verbs.state.sequence,
      capabilities: this.#allCapabilities(),
      pending: { code: err.code, reason: err.message }
    }
    return this.#publication
  }

  async #publishOrPending(): Promise<Publication> {
    return this.publishNow().catch((err: unknown) => this.noteFailed(toMeshError(err, 'NOT_PUBLISHED')))
  }

  async #nearOnes(capability: string): Promise<string[]> {
    const signal = AbortSignal.timeout(limits.lookupTimeoutMs / 5)
    return this.#init.discovery.suggest(capability, { signal }).catch(() => [])
  }

  #checkCapability(text: string): string {
    const capability = parseCapability(text)
    this.#init.taxonomy?.check(capability)
    return capability
  }

  #checkKeys(added: string[], replacing?: string): void {
    const kept = [...this.#offers.values()]
      .filter(({ service }) => service.name !== replacing)
      .flatMap(({ service }) => service.capabilities)
    const keys = new Set(
      [...kept, ...added, ...this.capabilities().map((one) => one.capability)].flatMap(withAncestors)
    )
    if (keys.size + 1 > limits.providerKeysPerNode) {
      throw new MeshError(
        'LIMIT_EXCEEDED',
        `The name, capabilities and their ancestors are ${keys.size + 1} keys; a node publishes at most ${limits.providerKeysPerNode}.`
      )
    }
  }

  #put(offer: Offer): void {
    this.#offers.set(offer.service.name, offer)
    this.#init.table.addService(offer.service, { replace: true })
    this.#init.checks.put(offer.service, checkSettings(offer.service, offer.check))
  }

  #document({ service, allow, check, weight }: Offer): ServiceDocument {
    const { name, kind } = service
    const health = this.#init.checks.of(name)
    return {
      name,
      kind,
      address: formatUpstream(service),
      capabilities: this.capabilitiesOf(name),
      ...(allow === undefined ? {} : { allow: [...allow.subjects] }),
      rule: this.#init.ruleOf(name),
      weight,
      ...(service.wantsProxyHeader === true ? { proxyProtocol: true } : {}),
      check: checkDocument(checkSettings(service, check)),
      ...(health === undefined ? {} : { health })
    }
  }

  #ownCapabilities(): Array<{ capability: string; service?: string }> {
    return this.#init.verbs.state.capabilities.map(({ capability, service }) => ({
      capability,
      ...(service === undefined ? {} : { service })
    }))
  }

  #publishedFor(service: string): string[] {
    return this.#ownCapabilities()
      .filter((one) => one.service === service)
      .map((one) => one.capability)
  }

  #allCapabilities(): string[] {
    return [...new Set(this.capabilities().map((one) => one.capability))]
  }
}

/** @throws MeshError SERVICE_INVALID */
const introduced = (service: Service, isTold = false): Service => {
  if (!isTold) return service
  if (service.address.type !== 'stdio') return { ...service, wantsProxyHeader: true }
  throw new MeshError(
    'SERVICE_INVALID',
    `${service.name} is a program, to which no header of the PROXY protocol is sent.`,
    {
      hint: 'Serve it with --no-proxy-protocol: its environment says who calls.'
    }
  )
}

/** @throws MeshError NAME_INVALID, LIMIT_EXCEEDED */
const listOf = (subjects: readonly string[] | undefined): { allow?: AllowList } =>
  subjects === undefined ? {} : { allow: createAllowList(subjects) }
