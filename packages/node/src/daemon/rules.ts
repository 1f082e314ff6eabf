import { quote } from '@agent-mesh/wire'
import {
  strongest,
  type Admission,
  type PolicyKeeper,
  type RecordBook,
  type RevocationKeeper
} from '@agent-mesh/control-plane'
import type { Membership } from '@agent-mesh/identity'
import type { DataPlane } from '@agent-mesh/data-plane'
import type { AllowList, Subject } from '../config/allow-list.ts'
import type { Identity } from '../state/identity.ts'
import type { WhyPorts } from '../why/layer.ts'
import type { Audit } from './audit.ts'
import { knownMemberships } from './directory.ts'
import { createAuthorizer, type NodeAuthorizer } from './authorize.ts'
import { peerIdOf } from './peer-ids.ts'
import type { EventBus } from './event-bus.ts'

export interface RulesInit {
  identity: Identity
  admission: Pick<Admission, 'has' | 'membership' | 'members' | 'onRenewed'>
  book: Pick<RecordBook, 'all' | 'get'>
  keeper: PolicyKeeper
  revocations: Pick<RevocationKeeper, 'find' | 'list' | 'onChange' | 'isRevoked'>
  audit: Pick<Audit, 'record'>
  events: EventBus
  /** Whom `serve --allow` named; undefined where it named nobody. */
  allow: (service: string) => AllowList | undefined
  capabilitiesOf: (service: string) => string[]
}

/** Grants end by the clock and certificates change without a word to the tunnels: they are looked at this often. */
const lookEveryMs = 2_000

/**
 * Who may open what on this node, from all sources of rules at once, and what becomes of tunnels that run when one of
 * them changes.
 */
export class NodeRules {
  readonly authorizer: NodeAuthorizer
  readonly #init: RulesInit
  readonly #stops: Array<() => void> = []
  #seenRevocations = new Set<string>()
  /** Who has which name, built once for all tunnels that are judged in one go. */
  #byName: Map<string, Membership[]> | undefined

  constructor(init: RulesInit) {
    this.#init = init
    const { admission, allow, capabilitiesOf } = init
    this.authorizer = createAuthorizer({
      admission: {
        has: (peer) => admission.has(peer),
        membership: (peer) => this.#present(admission.membership(peer))
      },
      capabilitiesOf,
      allow,
      revocation: ({ peerId }) => this.revocationOf(peerId),
      policy: {
        decide: (caller, service, capabilities) => this.policyOf(caller, this.#own(), service, capabilities),
        describe: () => this.#describe()
      }
    })
  }

  /** Judges running tunnels again whenever a rule changes, and now and then. */
  start(dataPlane: Pick<DataPlane, 'recheck'>): void {
    const { admission, keeper, revocations, identity, audit, events } = this.#init
    this.#seenRevocations = new Set(revocations.list().map(({ id }) => id))
    let inForce = Buffer.from(keeper.digest()).toString('hex')
    const recheck = (why: string): void => {
      const { checked, cut } = dataPlane.recheck()
      if (cut > 0) events.emit('warn', 'tunnels:cut', { checked, cut, why })
    }
    this.#stops.push(
      keeper.onChange(() => {
        const text = this.#describe() ?? 'no policy'
        const hash = Buffer.from(keeper.digest()).toString('hex')
        if (hash !== inForce) {
          events.emit('info', 'policy:changed', { version: keeper.version(), hash })
          audit.record({ kind: 'policy', text: `${text}, ${hash.slice(0, 12)}` })
        }
        inForce = hash
        recheck(text)
      }),
      revocations.onChange(() => {
        this.#noteRevocations()
        recheck('a revocation')
      }),
      identity.onRenewed(() => recheck('another certificate of this node')),
      admission.onRenewed(({ name }) => recheck(`another certificate of ${name}`))
    )
    const timer = setInterval(recheck, lookEveryMs, 'the time').unref()
    this.#stops.push(() => clearInterval(timer))
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** What the policy that this node holds says; undefined where there never was one. */
  policyOf: NonNullable<WhyPorts['policy']> = (caller, callee, service, capabilities) => {
    const { keeper } = this.#init
    if (keeper.state === 'none') return undefined
    const { allowed, rule, line } = keeper.decide(
      { ...caller, groups: [...caller.groups] },
      { ...callee, groups: [...callee.groups] },
      service,
      capabilities
    )
    return { allowed, rule, ...(line === undefined ? {} : { line }) }
  }

  /** What the policy that this node holds says of its own use of another member's service. The other one decides. */
  mayUse(callee: Membership, service: string, capabilities: string[]): { allowed: boolean; rule: string } | undefined {
    const { peerId, name, groups } = callee
    return this.policyOf(this.#own(), { peerId: peerId.toString(), name, groups }, service, capabilities)
  }

  /** Why the certificate of a peer counts for nothing any more. */
  revocationOf(peerId: string): { rule: string } | undefined {
    const { admission, book, identity, revocations } = this.#init
    const peer = peerIdOf(peerId)
    const own = identity.membership.peerId.equals(peer) ? identity.membership : undefined
    const membership = own ?? admission.membership(peer) ?? book.get(peer)?.membership
    const found = membership === undefined ? undefined : revocations.find(membership)
    if (found === undefined) return undefined
    const { right, signer, revokedMs, reason } = found
    const why = reason === '' ? '' : ` (${quote(reason)})`
    return { rule: `revoked at ${new Date(revokedMs).toISOString()} by ${right} ${signer.toString()}${why}` }
  }

  #own(): Subject {
    const { peerId, name, groups } = this.#init.identity.membership
    return { peerId: peerId.toString(), name, groups }
  }

  #describe(): string | undefined {
    const { keeper } = this.#init
    if (keeper.state === 'none') return undefined
    if (keeper.state === 'awaited') return 'the policy has not come yet, and nothing is allowed'
    return keeper.state === 'held'
      ? `policy version ${keeper.version()}`
      : 'the policy on disk is damaged, and nothing is allowed'
  }

  /** A name that another member holds by as good a right is nobody's name, and grants nothing. */
  #present(membership: Membership | undefined): Membership | undefined {
    if (membership === undefined) return undefined
    const { peerId, name } = membership
    const { revocations } = this.#init
    const namesakes = this.#named(name).filter((one) => !one.peerId.equals(peerId) && !revocations.isRevoked(one))
    const best = strongest([membership, ...namesakes])
    return best.every((one) => one.peerId.equals(peerId)) ? membership : { ...membership, name: '' }
  }

  #named(name: string): Membership[] {
    if (this.#byName === undefined) {
      const { admission, book, identity } = this.#init
      this.#byName = Map.groupBy([identity.membership, ...knownMemberships(admission, book)], (one) => one.name)
      queueMicrotask(() => {
        this.#byName = undefined
      })
    }
    return this.#byName.get(name) ?? []
  }

  #noteRevocations(): void {
    const { revocations, audit, admission } = this.#init
    const held = revocations.list()
    const news = held.filter(({ id }) => !this.#seenRevocations.has(id))
    this.#seenRevocations = new Set(held.map(({ id }) => id))
    for (const { peerId, reason } of news) {
      const name = admission.membership(peerId)?.name
      audit.record({
        kind: 'revoke',
        peer: peerId.toString(),
        ...(name === undefined ? {} : { name }),
        ...(reason === '' ? {} : { text: reason })
      })
    }
  }
}
