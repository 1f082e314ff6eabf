import { limits, MeshError } from '@agent-mesh/wire'
import {
  addPolicySignature,
  checkPolicy,
  parsePolicy,
  peekPolicy,
  qualifyPolicy,
  sealPolicy,
  type CheckedPolicy,
  type ParsedPolicy,
  type PolicyDirectory
} from '@agent-mesh/identity'
import type { Holder, PolicyKeeper, PolicyStatus } from '@agent-mesh/control-plane'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { Credentials } from '../state/credentials.ts'

export interface PoliciesInit {
  credentials: () => Pick<Credentials, 'key' | 'membership' | 'networkKey' | 'rootKey'>
  keeper: PolicyKeeper
  /** Members and groups that this node knows of, itself included. */
  directory: () => Promise<PolicyDirectory>
  /** What members are known to hold of the kind `policy`, without this node. */
  holders: () => Holder[]
  /** Members that are connected, without this node. */
  members: () => PeerId[]
  nameOf: (peer: PeerId) => string | undefined
  /** Tells everybody that another policy is held here. */
  announce: () => void
  now?: () => number
}

/** A policy to look at: the file itself, or what `sign` made of it. */
export type PolicyInput = { source: string; file: string } | { signed: Uint8Array; file: string }

export interface PolicyCheck {
  grants: number
  tests: number
  groups: number
  warnings: string[]
}

export interface PolicySignature {
  /** To be given to the next admin, or pushed. */
  signed: Uint8Array
  version: number
  signers: string[]
  signaturesNeeded: number
  warnings: string[]
}

export interface PushedPolicy {
  version: number
  hash: string
  warnings: string[]
}

export interface PolicyHolder {
  peer: string
  name?: string
  /** 0: none, or nothing was heard of it yet. */
  version: number
  /** It holds the same as this node. */
  isCurrent: boolean
  /** When this was first heard. */
  sinceMs?: number
}

export interface PolicySpread extends Omit<PolicyStatus, 'source'> {
  holders: PolicyHolder[]
  /**
   * From the issue until the last one took it over, as they say: every connected member and every other that holds it.
   * Absent while a connected one does not hold it, or nobody is known to. Who was met more than a minute after the
   * issue, and took it over then, does not count.
   */
  convergedMs?: number
}

/** Who joined since the issue did not wait for it. */
const latecomerMs = 60_000

/** What the verbs `policy check`, `sign`, `push`, `show` and `status` do on a running node. */
export class Policies {
  readonly #init: PoliciesInit
  readonly #now: () => number

  constructor(init: PoliciesInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  /** Changes nothing. @throws MeshError POLICY_INVALID, POLICY_REFUSED for something signed that is not */
  async check(input: PolicyInput): Promise<PolicyCheck> {
    const { parsed, warnings } = await this.#read(input)
    const { grants, tests, groups } = parsed
    return { grants: grants.length, tests: tests.length, groups: groups.length, warnings }
  }

  /**
   * Signs a file, or adds a signature to a signed one, where the network asks for several.
   * @throws MeshError POLICY_INVALID, NOT_ADMIN, POLICY_OUTDATED, POLICY_REFUSED, LIMIT_EXCEEDED, STATE_DAMAGED
   */
  async sign(input: PolicyInput): Promise<PolicySignature> {
    const { networkKey, membership } = this.#init.credentials()
    const { key, chain } = this.#signer()
    const { parsed, directory, warnings } = await this.#read(input)
    let signed: Uint8Array
    if ('signed' in input) {
      this.#checkIsNewer(peekPolicy(input.signed, networkKey).version)
      signed = await addPolicySignature(input.signed, networkKey, key, chain)
    } else {
      this.#checkVersionIsKnown()
      const source = qualifyPolicy(parsed, directory)
      const document = { source, version: this.#init.keeper.newestKnown + 1, issuedMs: this.#now(), networkKey }
      signed = await sealPolicy(document, key, chain)
    }
    const { version, signers } = peekPolicy(signed, networkKey)
    return { signed, version, signers, signaturesNeeded: membership.policySignatures, warnings }
  }

  /**
   * Puts a policy in force, here and everywhere. A file is signed first; something signed needs all its signatures but
   * at most this node's.
   * @throws MeshError as {@link Policies.sign}, and POLICY_REFUSED where signatures are missing
   */
  async push(input: PolicyInput): Promise<PushedPolicy> {
    const { warnings, signed, signers, signaturesNeeded } = await this.#signedOf(input)
    if (signers.length < signaturesNeeded) {
      throw new MeshError(
        'POLICY_REFUSED',
        `${signers.length} of ${signaturesNeeded} admins have signed ${input.file}.`,
        { hint: `mesh-node policy sign ${input.file}, then the same on the node of another admin, then policy push` }
      )
    }
    await this.#init.keeper.accept(signed)
    this.#init.announce()
    const { version, hash = '' } = this.#init.keeper.status()
    return { version, hash, warnings }
  }

  /** The policy in force, its source included. */
  show(): PolicyStatus {
    return this.#init.keeper.status()
  }

  /** Who holds which version, and how long the one in force took to reach everybody. */
  status(): PolicySpread {
    const { source: _source, ...status } = this.#init.keeper.status()
    const digest = this.#init.keeper.digest()
    const heard = new Map(this.#init.holders().map((holder) => [holder.peer.toString(), holder]))
    const peers = new Map([
      ...this.#init.members().map((peer): [string, PeerId] => [peer.toString(), peer]),
      ...[...heard].map(([text, { peer }]): [string, PeerId] => [text, peer])
    ])
    const holders = [...peers].map(([text, peer]): PolicyHolder => {
      const holder = heard.get(text)
      const name = this.#init.nameOf(peer)
      const isCurrent = holder !== undefined && Buffer.compare(holder.digest, digest) === 0
      return {
        peer: text,
        ...(name === undefined ? {} : { name }),
        version: holder?.version ?? 0,
        isCurrent,
        ...(holder === undefined ? {} : { sinceMs: holder.sinceMs })
      }
    })
    const convergedMs = this.#converged(holders, heard, status.issuedMs)
    return { ...status, holders, ...(convergedMs === undefined ? {} : { convergedMs }) }
  }

  #converged(
    holders: readonly PolicyHolder[],
    heard: ReadonlyMap<string, Holder>,
    issuedMs: number | undefined
  ): number | undefined {
    if (issuedMs === undefined) return undefined
    const connected = new Set(this.#init.members().map((peer) => peer.toString()))
    if (holders.some(({ peer, isCurrent }) => connected.has(peer) && !isCurrent)) return undefined
    const holding = holders.flatMap(({ peer, isCurrent }) => (isCurrent ? (heard.get(peer) ?? []) : []))
    const isInTime = ({ metMs, sinceMs }: Holder): boolean => Math.min(metMs, sinceMs) <= issuedMs + latecomerMs
    const counted = holding.some(isInTime) ? holding.filter(isInTime) : holding
    if (counted.length === 0) return undefined
    return Math.max(0, ...counted.map(({ sinceMs }) => sinceMs - issuedMs))
  }

  /** A pushed file is signed here; of a signed one nothing is changed where it is complete. */
  async #signedOf(input: PolicyInput): Promise<PolicySignature> {
    if (!('signed' in input)) return this.sign(input)
    const { networkKey, membership } = this.#init.credentials()
    const { version, signers } = peekPolicy(input.signed, networkKey)
    if (signers.length < membership.policySignatures) return this.sign(input)
    const { warnings } = await this.#read(input)
    this.#checkIsNewer(version)
    return { signed: input.signed, version, signers, signaturesNeeded: membership.policySignatures, warnings }
  }

  /** A version that others have passed already would be refused everywhere, and nobody here would hear of it. */
  #checkVersionIsKnown(): void {
    if (this.#init.keeper.state !== 'damaged') return
    throw new MeshError('STATE_DAMAGED', 'The policy on disk is damaged, so that the next version is not known.', {
      hint: 'Connect to a member that holds the policy; where there is none, move policy.signed out of the state directory and start again.'
    })
  }

  #checkIsNewer(version: number): void {
    const held = this.#init.keeper.version()
    if (version > held) return
    throw new MeshError('POLICY_OUTDATED', `It is version ${version} of the policy, and ${held} is in force.`, {
      hint: 'mesh-node policy sign <file> makes the next version of it'
    })
  }

  async #read(
    input: PolicyInput
  ): Promise<{ parsed: ParsedPolicy; directory: PolicyDirectory; warnings: CheckedPolicy['warnings'] }> {
    const { networkKey } = this.#init.credentials()
    const source = 'signed' in input ? peekPolicy(input.signed, networkKey).source : input.source
    if (source.length > limits.policyBytes) throw new MeshError('POLICY_INVALID', `${input.file} is too long.`)
    const parsed = parsePolicy(source, { file: input.file })
    const directory = await this.#init.directory()
    const { warnings } = checkPolicy(parsed, { nowMs: this.#now(), directory })
    return { parsed, directory, warnings }
  }

  /** The root key where it is at hand, else this node's own. One person is one signature, whichever keys it has. */
  #signer(): { key: PrivateKey; chain: readonly Uint8Array[] } {
    const { rootKey, key, membership } = this.#init.credentials()
    if (rootKey !== undefined) return { key: rootKey, chain: [] }
    if (membership.isAdmin) return { key, chain: membership.chain }
    throw new MeshError('NOT_ADMIN', `"${membership.name}" may not sign policies: it is no admin.`)
  }
}
