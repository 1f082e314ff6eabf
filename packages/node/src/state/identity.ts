import { MeshError } from '@agent-mesh/wire'
import { verifyChain, type Membership } from '@agent-mesh/identity'
import { saveMembership, type Credentials } from './credentials.ts'
import type { StateFiles } from './documents.ts'

/**
 * Who this node is while it runs. Its certificate changes under everybody's hands: hello, record and invitations ask
 * for it each time.
 */
export class Identity implements Credentials {
  readonly key: Credentials['key']
  readonly networkKey: Credentials['networkKey']
  readonly networkId: Credentials['networkId']
  readonly rootKey?: NonNullable<Credentials['rootKey']>
  readonly #files: StateFiles
  readonly #listeners = new Set<(membership: Membership) => void>()
  #membership: Membership

  constructor(files: StateFiles, { key, networkKey, networkId, membership, rootKey }: Credentials) {
    this.#files = files
    this.key = key
    this.networkKey = networkKey
    this.networkId = networkId
    this.#membership = membership
    if (rootKey !== undefined) this.rootKey = rootKey
  }

  get membership(): Membership {
    return this.#membership
  }

  /**
   * Goes on with another certificate: on disk first, then for everybody.
   * @throws MeshError CERTIFICATE_INVALID where it is for another peer, STATE_UNREADABLE
   */
  async renew(chain: Uint8Array[], nowMs: number): Promise<Membership> {
    const membership = await verifyChain(chain, this.networkKey, nowMs)
    if (!membership.peerId.equals(this.#membership.peerId))
      throw new MeshError('CERTIFICATE_INVALID', `The certificate is for ${membership.peerId.toString()}.`)
    await saveMembership(this.#files, this.networkKey, chain)
    this.#membership = membership
    for (const listener of this.#listeners) listener(membership)
    return membership
  }

  /** @returns the way to stop listening */
  onRenewed(listener: (membership: Membership) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
