import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { limits, MeshError, parseName } from '@agent-mesh/wire'
import { createInvite, encodeTicket, pruneInvites, redeemInvite, type Invite } from '@agent-mesh/identity'
import type { PeerId } from '@libp2p/interface'
import type { Plea } from '@agent-mesh/control-plane'
import type { InviteRequest, InviteResponse } from '@agent-mesh/wire/api'
import type { Credentials } from '../state/credentials.ts'
import type { StateFiles } from '../state/documents.ts'
import type { Issuance } from './issuance.ts'

/** Most invitations that are open at once. */
const openInvites = 1024

export interface InvitationsInit {
  credentials: Credentials
  files: StateFiles
  /** Addresses for the ticket, each with its peer id: this node's first, then those of other members. */
  addresses: () => Uint8Array[]
  issuance: Issuance
  now?: () => number
}

/** Makes invitations and turns them into certificates. They are on disk before an answer leaves. */
export class Invitations {
  readonly #init: InvitationsInit
  readonly #now: () => number
  #invites: Invite[] = []
  /** Redemptions are done one after the other: two joiners can never get the same use. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(init: InvitationsInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  async load(): Promise<void> {
    const { files } = this.#init
    this.#invites = (await files.invites.read()) ?? []
  }

  /** @throws MeshError NOT_ISSUER, NAME_INVALID for a group, LIMIT_EXCEEDED */
  async create(request: InviteRequest): Promise<InviteResponse> {
    const { credentials, files, addresses, issuance } = this.#init
    const groups = (request.groups ?? []).map((group) => parseName(group, 'group'))
    if (groups.length > limits.groupsPerCertificate)
      throw new MeshError('LIMIT_EXCEEDED', `A certificate holds at most ${limits.groupsPerCertificate} groups.`)
    issuance.check({ groups, mayAdmit: request.mayAdmit ?? false })
    const nowMs = this.#now()
    const kept = pruneInvites(this.#invites, nowMs)
    if (kept.length >= openInvites)
      throw new MeshError('LIMIT_EXCEEDED', `${openInvites} invitations are open already.`)
    const { invite, id, secret, sealKey } = createInvite({
      nowMs,
      groups,
      uses: request.uses ?? 1,
      ...(request.lifetimeMs === undefined ? {} : { lifetimeMs: request.lifetimeMs }),
      ...(request.ephemeralMs === undefined ? {} : { ephemeralMs: request.ephemeralMs }),
      ...(request.mayAdmit === true ? { mayAdmit: true } : {})
    })
    this.#invites = [...kept, invite]
    await files.invites.write(this.#invites)
    const ticket = encodeTicket({
      networkKey: new Uint8Array(publicKeyToProtobuf(credentials.networkKey)),
      issuer: credentials.membership.peerId.toMultihash().bytes,
      addresses: addresses()
        .slice(0, limits.addressesPerRecord)
        .map((address) => new Uint8Array(address)),
      inviteId: id,
      secret: secret,
      sealKey: sealKey,
      expiresMs: invite.expiresMs,
      groups,
      uses: invite.uses
    })
    return {
      ticket,
      expires: new Date(invite.expiresMs).toISOString(),
      uses: invite.uses,
      groups,
      network: credentials.networkId
    }
  }

  /** The private half for a sealed plea, or undefined for an invitation that is not ours. */
  sealKeyOf(inviteId: Uint8Array): string | undefined {
    return this.#find(inviteId)?.sealKey
  }

  /**
   * Answers a plea with a certificate chain.
   * @throws MeshError TICKET_UNKNOWN, TICKET_EXPIRED, TICKET_USED, NAME_TAKEN, NAME_INVALID, NOT_ISSUER
   */
  async redeem(plea: Plea): Promise<Uint8Array[]> {
    const turn = this.#turn.then(() => this.#redeem(plea))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #redeem({ inviteId, secret, peerId, name, nowMs }: Plea): Promise<Uint8Array[]> {
    const { files, issuance } = this.#init
    const spent = redeemInvite(this.#find(inviteId), secret, peerId.toString(), nowMs)
    this.#checkSameName(spent, name, peerId)
    const { groups, ephemeralMs, mayAdmit } = spent
    const chain = await issuance.issue({
      peerId,
      name,
      groups,
      ...(mayAdmit === true ? { mayAdmit } : {}),
      ...(ephemeralMs === undefined ? {} : { lifetimeMs: ephemeralMs, isEphemeral: true })
    })
    this.#invites = this.#invites.map((invite) => (invite.id === spent.id ? spent : invite))
    await files.invites.write(this.#invites)
    return chain
  }

  /** Who asks again gets what it got before: one use of a ticket is one name. */
  #checkSameName({ id }: Invite, name: string, peerId: PeerId): void {
    const isRepeated = this.#invites.some((invite) => invite.id === id && invite.usedBy.includes(peerId.toString()))
    const before = isRepeated
      ? this.#init.issuance.issued.findLast((one) => one.peerId === peerId.toString())?.name
      : undefined
    if (before !== undefined && before !== name)
      throw new MeshError('TICKET_USED', `The ticket was used by this peer already, under the name "${before}".`)
  }

  #find(inviteId: Uint8Array): Invite | undefined {
    const id = Buffer.from(inviteId).toString('hex')
    return this.#invites.find((invite) => invite.id === id)
  }
}
