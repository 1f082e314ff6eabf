import { createHash } from 'node:crypto'
import { equals } from 'uint8arrays/equals'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import {
  comparePolicies,
  compilePolicy,
  decide,
  openPolicy,
  parsePolicy,
  type CompiledPolicy,
  type Decision,
  type Membership,
  type OpenedPolicy,
  type ParsedPolicy,
  type PolicySigner,
  type Subject
} from '@agent-mesh/identity'
import type { PublicKey } from '@libp2p/interface'
import type { Replica } from '../replication/interface.ts'

/** Where the last good policy lies. */
export interface PolicyStore {
  load: () => Promise<Uint8Array | undefined>
  save: (bytes: Uint8Array) => Promise<void>
  /** The version that was in force when this node joined, as its issuer said; 0 where it said that there was none. */
  awaited?: () => Promise<number>
}

export interface PolicyKeeperInit {
  networkKey: PublicKey
  /** How many admins have to have signed: of this node's own certificate. */
  signaturesNeeded: () => number
  store: PolicyStore
  now: () => number
  /** Revoked admins sign nothing any more; a policy that was taken over before stays. */
  isRevoked?: (membership: Membership) => boolean
  /** From a peer id to the one that its owner goes on with. */
  successors?: () => ReadonlyMap<string, string>
  /** Another policy of the version in force came along. Called once for each pair. */
  onFork?: (fork: PolicyFork) => void
}

/** Two policies of one version. Hashes are hexadecimal. */
export interface PolicyFork {
  version: number
  winner: string
  loser: string
}

/**
 * `none`: there never was one. `awaited`: this node joined a network that has one, and nobody has brought it yet: nothing
 * is allowed until then, for without a policy more would be allowed than with it. `damaged`: there was one, and it cannot be read: nothing is allowed until another member
 * has brought it, for the same reason.
 */
export type PolicyState = 'none' | 'awaited' | 'damaged' | 'held'

export interface PolicyStatus {
  state: PolicyState
  /** 0 where there is none. */
  version: number
  /** SHA-256 of what was signed, hexadecimal. */
  hash?: string
  issuedMs?: number
  signers: PolicySigner[]
  /** As its author wrote it. */
  source?: string
  grantCount?: number
  /** Another policy of this version is known. */
  hasFork: boolean
  /** Sentences for people. */
  warnings: string[]
}

interface Held {
  bytes: Uint8Array
  id: Uint8Array
  opened: OpenedPolicy
  parsed: ParsedPolicy
  compiled: CompiledPolicy
}

const noDigest = new Uint8Array(32)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Name of the policy in messages: its file is on another machine. */
const fileOf = (version: number): string => `policy ${version}`

/** Holds the policy of the network: the newest that this node has seen, and the last good one over a restart. */
export class PolicyKeeper implements Replica {
  readonly kind = 'policy'
  readonly mostBytes = limits.policyBytes
  readonly #init: PolicyKeeperInit
  readonly #listeners = new Set<() => void>()
  #held: Held | undefined
  /** Why what lies on disk is of no use. */
  #damage: string | undefined
  #saveFailure: string | undefined
  /** Version that was in force when this node joined; 0 where there was none. */
  #awaited = 0
  /** A signer of the policy in force was revoked since. */
  #signerFailure: string | undefined
  /** Hashes of other policies of the version in force. */
  #forks = new Set<string>()
  /** One after the other: of two that arrive at once the second is compared with the first. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(init: PolicyKeeperInit) {
    this.#init = init
  }

  /** Reads the last good policy. Never throws: what cannot be read denies everything until a member brings another. */
  async load(): Promise<void> {
    try {
      const bytes = await this.#init.store.load()
      if (bytes === undefined) {
        this.#awaited = (await this.#init.store.awaited?.()) ?? 0
        return
      }
      // It was judged when it came: neither a clock that was set back nor a revocation takes it away.
      const opened = await openPolicy(bytes, { ...this.#terms(), nowMs: Number.MAX_SAFE_INTEGER })
      this.#held = this.#prepare(bytes, opened)
      await this.#checkSigners()
    } catch (err) {
      this.#damage = toMeshError(err).message
    }
  }

  get state(): PolicyState {
    if (this.#held !== undefined) return 'held'
    if (this.#damage !== undefined) return 'damaged'
    return this.#awaited > 0 ? 'awaited' : 'none'
  }

  digest(): Uint8Array {
    return this.#held?.opened.hash ?? noDigest
  }

  version(): number {
    return this.#held?.opened.version ?? 0
  }

  /** The newest version that this node has reason to believe in, held or not. */
  get newestKnown(): number {
    return Math.max(this.version(), this.#awaited)
  }

  ids(): Uint8Array[] {
    return this.#held === undefined ? [] : [this.#held.id]
  }

  get(id: Uint8Array): Uint8Array | undefined {
    return this.#held !== undefined && equals(this.#held.id, id) ? this.#held.bytes : undefined
  }

  /** The signed policy in force, to be signed by more admins or shown. */
  get bytes(): Uint8Array | undefined {
    return this.#held?.bytes
  }

  /**
   * Takes over a policy of a member or of this node itself. It is in force when this returns, also where the disk
   * refuses it.
   * @returns false for the one in force, and for another of its version that loses
   * @throws MeshError POLICY_OUTDATED (lower version), POLICY_REFUSED, NETWORK_FOREIGN, POLICY_INVALID (a language that
   * this version does not read)
   */
  async accept(item: Uint8Array): Promise<boolean> {
    const turn = this.#turn.then(() => this.#accept(item))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #accept(bytes: Uint8Array): Promise<boolean> {
    const { isRevoked, now } = this.#init
    const terms = { ...this.#terms(), nowMs: now(), ...(isRevoked === undefined ? {} : { isRevoked }) }
    const opened = await openPolicy(bytes, terms)
    const held = this.#held?.opened
    if (held === undefined) {
      this.#checkIsAwaited(opened.version)
      return this.#putInForce(this.#prepare(bytes, opened), false)
    }
    const { order, isFork } = comparePolicies(opened, held)
    if (order === 0) return false
    if (order < 0 && !isFork) {
      throw new MeshError('POLICY_OUTDATED', `Version ${opened.version} of the policy is older than ${held.version}.`)
    }
    // Read before it is told of: what nobody can read beats nothing.
    const next = this.#prepare(bytes, opened)
    if (isFork) this.#noteFork(order > 0 ? opened : held, order > 0 ? held : opened)
    return order > 0 ? this.#putInForce(next, isFork) : false
  }

  /** Decides whether a member may use a service. No policy: members may use what a node serves. */
  decide(caller: Subject, callee: Subject, service: string, capabilities: readonly string[]): Decision {
    if (this.#held !== undefined) {
      const question = { caller, callee, service, capabilities, nowMs: this.#init.now() }
      const decision = decide(this.#held.compiled, question)
      return { ...decision, rule: `policy ${this.version()}: ${decision.rule}` }
    }
    if (this.#damage !== undefined)
      return {
        allowed: false,
        rule: 'the policy on disk is damaged: nothing is allowed until another member brings it'
      }
    return this.#awaited === 0
      ? { allowed: true, rule: 'no policy: members may use what this node serves' }
      : {
          allowed: false,
          rule: `policy ${this.#awaited} has not come yet: nothing is allowed until a member brings it`
        }
  }

  status(): PolicyStatus {
    const warnings = [
      ...(this.#damage === undefined ? [] : [`The policy on disk cannot be used: ${this.#damage}`]),
      ...(this.#signerFailure === undefined
        ? []
        : [`Members that join deny everything until a policy is pushed again: ${this.#signerFailure}`]),
      ...(this.#saveFailure === undefined ? [] : [`The policy is in force, but not on disk: ${this.#saveFailure}`])
    ]
    if (this.#held === undefined) {
      return { state: this.state, version: 0, signers: [], hasFork: false, warnings }
    }
    const { opened, compiled } = this.#held
    const { hash, ...rest } = opened
    return {
      state: 'held',
      ...rest,
      hash: hex(hash),
      grantCount: compiled.grantCount,
      hasFork: this.#forks.size > 0,
      warnings: [...warnings, ...compiled.warnings]
    }
  }

  /** Called after another policy came into force, and after the successors changed. @returns takes the listener away */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** To be called when `successors` would answer something else. */
  successorsChanged(): void {
    if (this.#held === undefined) return
    void this.#checkSigners()
    this.#held = { ...this.#held, compiled: this.#compile(this.#held.parsed) }
    this.#tell()
  }

  #terms() {
    const { networkKey, signaturesNeeded } = this.#init
    return { networkKey, signaturesNeeded: signaturesNeeded() }
  }

  #compile(parsed: ParsedPolicy): CompiledPolicy {
    const successors = this.#init.successors?.()
    return compilePolicy(parsed, successors === undefined ? {} : { successors })
  }

  #prepare(bytes: Uint8Array, opened: OpenedPolicy): Held {
    const parsed = parsePolicy(opened.source, { file: fileOf(opened.version) })
    const id = createHash('sha256').update(bytes).digest()
    return { bytes, id, opened, parsed, compiled: this.#compile(parsed) }
  }

  /** What the issuer of this node held is the least: an older one would be a way back. */
  #checkIsAwaited(version: number): void {
    if (version >= this.#awaited) return
    throw new MeshError('POLICY_OUTDATED', `Version ${version} of the policy is older than ${this.#awaited}.`)
  }

  /** Whether others would still take over what is in force here. */
  async #checkSigners(): Promise<void> {
    const held = this.#held
    const { isRevoked } = this.#init
    if (held === undefined || isRevoked === undefined) return
    const terms = { ...this.#terms(), nowMs: Number.MAX_SAFE_INTEGER, isRevoked }
    const failure = await openPolicy(held.bytes, terms).then(
      () => undefined,
      (err: unknown) => toMeshError(err).message
    )
    if (this.#held?.id === held.id) this.#signerFailure = failure
  }

  async #putInForce(next: Held, isFork: boolean): Promise<boolean> {
    if (!isFork) this.#forks.clear()
    this.#held = next
    this.#damage = undefined
    this.#signerFailure = undefined
    this.#tell()
    try {
      await this.#init.store.save(next.bytes)
      this.#saveFailure = undefined
    } catch (err) {
      this.#saveFailure = toMeshError(err).message
    }
    return true
  }

  #noteFork(winner: OpenedPolicy, loser: OpenedPolicy): void {
    const pair = { version: winner.version, winner: hex(winner.hash), loser: hex(loser.hash) }
    const isKnown = this.#forks.has(pair.loser)
    this.#forks.add(pair.loser)
    if (!isKnown) this.#init.onFork?.(pair)
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
