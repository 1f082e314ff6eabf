import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { createInvite, createIssuer, redeemInvite, verifyChain, type Invite } from '@agent-mesh/identity'
import { MeshError, type Ticket } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'
import type { TestNetwork } from '@agent-mesh/testkit'
import type { Plea } from '../../src/index.ts'

/** An issuer's list of invitations, as a node keeps it on disk. */
export class Invitations {
  readonly list = new Map<string, Invite>()
  readonly names = new Set<string>()
  readonly #network: TestNetwork
  delayMs = 0

  constructor(network: TestNetwork) {
    this.#network = network
  }

  create(issuer: PeerId, options: { lifetimeMs?: number; uses?: number } = {}): Ticket {
    const { invite, id, secret, sealKey } = createInvite({ nowMs: Date.now(), ...options })
    this.list.set(invite.id, invite)
    return {
      networkKey: new Uint8Array(publicKeyToProtobuf(this.#network.networkKey)),
      issuer: new Uint8Array(issuer.toMultihash().bytes),
      addresses: [],
      inviteId: id,
      secret,
      sealKey,
      expiresMs: invite.expiresMs,
      groups: [],
      uses: invite.uses
    }
  }

  readonly sealKeyOf = (inviteId: Uint8Array): string | undefined =>
    this.list.get(Buffer.from(inviteId).toString('hex'))?.sealKey

  readonly redeem = async ({ inviteId, secret, peerId, name, nowMs }: Plea) => {
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs))
    const id = Buffer.from(inviteId).toString('hex')
    const invite = redeemInvite(this.list.get(id), secret, peerId.toString(), nowMs)
    if (this.names.has(name)) throw new MeshError('NAME_TAKEN', `"${name}" is taken.`)
    this.list.set(id, invite)
    const { networkKey, rootKey } = this.#network
    const root = await this.#network.member('root')
    const issuer = createIssuer({
      networkKey,
      rootKey,
      memberKey: root.privateKey,
      membership: await verifyChain(root.chain, networkKey, nowMs)
    })
    const chain = await issuer.issue({ peerId, name, groups: [], nowMs })
    return { chain, addresses: [] }
  }
}
