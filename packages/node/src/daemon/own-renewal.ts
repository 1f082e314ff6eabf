import { MeshError, toMeshError } from '@agent-mesh/wire'
import { certificateStage, createIssuer, type Membership } from '@agent-mesh/identity'
import { deadline, reportStored, requestRenewal, type Admission } from '@agent-mesh/control-plane'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Identity } from '../state/identity.ts'
import type { EventBus } from './event-bus.ts'

export interface OwnRenewalInit {
  identity: Identity
  admission: Pick<Admission, 'members' | 'membership' | 'onChange'>
  /** Certificates that were seen in records. */
  known: () => Membership[]
  connect: (peer: PeerId, options: { signal: AbortSignal }) => Promise<Connection>
  /** `protocols(networkId).renew`. */
  protocol: string
  events: EventBus
  now?: () => number
  /** How often the clock is looked at. Default: one minute. */
  lookEveryMs?: number
}

/** Members that are asked in one attempt. */
const mostAsked = 8
const askTimeoutMs = 20_000
const firstPauseMs = 30_000
const lastPauseMs = 60 * 60_000

/** Why one would not do it says more than that another one may not, and that says more than that a third is away. */
const weightOf = ({ code }: MeshError): number => (code === 'UNREACHABLE' ? 0 : code === 'NOT_ISSUER' ? 1 : 2)

/** Keeps the certificate of this node alive: the root signs its own, everybody else asks who may admit. */
export class OwnRenewal {
  readonly #init: OwnRenewalInit
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  #stopListening: (() => void) | undefined
  #stopping: AbortController | undefined
  #running: Promise<void> | undefined
  #pauseMs = firstPauseMs
  #notBeforeMs = 0
  #told: string | undefined

  constructor(init: OwnRenewalInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  start(): void {
    const { admission, lookEveryMs = 60_000 } = this.#init
    this.#stopping = new AbortController()
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref()
    this.#stopListening = admission.onChange((change, peer) => {
      if (change !== 'admit' || admission.membership(peer)?.mayAdmit !== true) return
      this.#notBeforeMs = 0
      this.look()
    })
    this.look()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopListening?.()
    this.#stopping?.abort()
    await this.#running
  }

  /** Begins an attempt where one is due. */
  look(): void {
    const { identity, events } = this.#init
    const { membership } = identity
    const nowMs = this.#now()
    const stage = certificateStage(membership, nowMs)
    if (stage !== this.#told && (stage === 'urgent' || stage === 'over')) {
      const end = new Date(membership.notAfterMs).toISOString()
      events.emit('warn', stage === 'over' ? 'certificate:over' : 'certificate:ending', { end })
    }
    this.#told = stage
    if (stage === 'fresh' || membership.isEphemeral || nowMs < this.#notBeforeMs) return
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined
    })
  }

  async #attempt(): Promise<void> {
    const { identity, events } = this.#init
    try {
      const renewed = await this.renew()
      this.#pauseMs = firstPauseMs
      this.#notBeforeMs = 0
      events.emit('info', 'certificate:renewed', {
        end: new Date(renewed.notAfterMs).toISOString(),
        issuer: renewed.issuer.toString()
      })
    } catch (err) {
      const { code, message } = toMeshError(err)
      this.#notBeforeMs = this.#now() + this.#pauseMs
      this.#pauseMs = Math.min(lastPauseMs, 2 * this.#pauseMs)
      const end = new Date(identity.membership.notAfterMs).toISOString()
      events.emit('warn', 'certificate:not-renewed', { code, message, end })
    }
  }

  /** Renews now, however much is left. @throws MeshError of the last one who was asked; UNREACHABLE where nobody is known */
  async renew(): Promise<Membership> {
    const { identity } = this.#init
    const nowMs = this.#now()
    if (identity.rootKey !== undefined) return identity.renew(await this.#byRoot(nowMs), nowMs)
    let telling = new MeshError('UNREACHABLE', 'No member is known that may admit others.')
    for (const peerId of this.issuers()) {
      this.#stopping?.signal.throwIfAborted()
      try {
        const { chain } = await this.ask(peerId)
        return await identity.renew(chain, this.#now())
      } catch (err) {
        const error = toMeshError(err)
        if (weightOf(error) >= weightOf(telling)) telling = error
      }
    }
    throw telling
  }

  /** Asks one member, for this key or for the next one. @throws MeshError */
  async ask(issuer: PeerId, next?: { peerId: PeerId; succession: Uint8Array }): Promise<Membership> {
    const { identity, connect, protocol } = this.#init
    const signal = deadline(askTimeoutMs, this.#stopping?.signal)
    const { networkKey, membership } = identity
    return requestRenewal({
      connection: await connect(issuer, { signal }),
      protocol,
      networkKey,
      membership,
      peerId: next?.peerId ?? membership.peerId,
      ...(next === undefined ? {} : { succession: next.succession }),
      signal,
      now: this.#now
    })
  }

  /** Tells one member that the next key is on disk, with its certificate. @throws MeshError */
  async reportStored(issuer: PeerId, succession: Uint8Array): Promise<void> {
    const { connect, protocol } = this.#init
    const signal = deadline(askTimeoutMs, this.#stopping?.signal)
    await reportStored({ connection: await connect(issuer, { signal }), protocol, succession, signal })
  }

  /** Who may admit: the one who admitted this node first, then those who are here, then those from the root. */
  issuers(): PeerId[] {
    const { admission, known, identity } = this.#init
    const { membership: own } = identity
    const here = admission
      .members()
      .map((peer) => admission.membership(peer))
      .filter((one) => one !== undefined)
    const near = new Set(here.map(({ peerId }) => peerId.toString()))
    const all = [...here, ...known().filter(({ peerId }) => !near.has(peerId.toString()))]
    const rank = ({ peerId }: Membership): number =>
      (peerId.equals(own.issuer) ? 2 : 0) + (near.has(peerId.toString()) ? 1 : 0)
    return all
      .filter((one) => one.mayAdmit && !one.peerId.equals(own.peerId))
      .toSorted((a, b) => rank(b) - rank(a))
      .map(({ peerId }) => peerId)
      .slice(0, mostAsked)
  }

  async #byRoot(nowMs: number): Promise<Uint8Array[]> {
    const { networkKey, rootKey, key, membership } = this.#init.identity
    const { peerId, name, groups } = membership
    const issuer = createIssuer({ networkKey, rootKey, memberKey: key, membership })
    return issuer.issue({ peerId, name, groups, nowMs, mayAdmit: true })
  }
}
