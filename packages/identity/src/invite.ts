import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { limits, MeshError, parseName } from '@agent-mesh/wire'
import { createSealPair } from './seal.ts'

const secretBytes = 16
/** The number of uses travels as uint32. */
const mostUses = 0xffffffff

/** What the issuer keeps of an invitation. Only a hash of the secret is kept. */
export interface Invite {
  /** 16 bytes, hexadecimal. */
  id: string
  /** SHA-256, hexadecimal. */
  secretHash: string
  /** X25519, PKCS #8 in base64. */
  sealKey: string
  groups: string[]
  expiresMs: number
  uses: number
  /** Peer ids that joined with it; one that asks again is served again. */
  usedBy: string[]
  /** The members that it makes are not renewed, and last so long. */
  ephemeralMs?: number | undefined
  /** The members that it makes may admit others. */
  mayAdmit?: boolean | undefined
}

export interface CreatedInvite {
  invite: Invite
  id: Uint8Array<ArrayBuffer>
  secret: Uint8Array<ArrayBuffer>
  sealKey: Uint8Array<ArrayBuffer>
}

export interface InviteInit {
  nowMs: number
  /** Default: 24 hours. */
  lifetimeMs?: number
  /** How many peers may join with it; default 1. */
  uses?: number
  groups?: string[]
  /** Makes members that are not renewed, and that last so long; at most the lifetime of a certificate. */
  ephemeralMs?: number
  mayAdmit?: boolean
}

const hash = (secret: Uint8Array): Buffer => createHash('sha256').update(secret).digest()

/** @throws MeshError USAGE for a lifetime or a number of uses that is not positive, NAME_INVALID, LIMIT_EXCEEDED */
export const createInvite = ({
  nowMs,
  lifetimeMs = limits.inviteLifetimeMs,
  uses = 1,
  groups = [],
  ephemeralMs,
  mayAdmit
}: InviteInit): CreatedInvite => {
  if (!Number.isInteger(uses) || uses < 1 || uses > mostUses) {
    throw new MeshError('USAGE', `An invitation is good for 1 to ${mostUses} members, not for ${uses}.`)
  }
  if (!Number.isInteger(lifetimeMs) || lifetimeMs < 1) {
    throw new MeshError('USAGE', `An invitation cannot last ${lifetimeMs} ms.`)
  }
  if (ephemeralMs !== undefined && !(ephemeralMs >= 1 && ephemeralMs <= limits.certificateLifetimeMs)) {
    throw new MeshError('USAGE', `A member cannot last ${ephemeralMs} ms.`)
  }
  for (const group of groups) parseName(group, 'group')
  if (groups.length > limits.groupsPerCertificate) {
    throw new MeshError('LIMIT_EXCEEDED', `A certificate holds at most ${limits.groupsPerCertificate} groups.`)
  }
  const id = new Uint8Array(randomBytes(secretBytes))
  const secret = new Uint8Array(randomBytes(secretBytes))
  const { publicKey, privateKey } = createSealPair()
  return {
    id,
    secret,
    sealKey: publicKey,
    invite: {
      id: Buffer.from(id).toString('hex'),
      secretHash: hash(secret).toString('hex'),
      sealKey: privateKey,
      groups,
      expiresMs: nowMs + lifetimeMs,
      uses,
      usedBy: [],
      ...(ephemeralMs === undefined ? {} : { ephemeralMs }),
      ...(mayAdmit === undefined ? {} : { mayAdmit })
    }
  }
}

const isSecretOf = (invite: Invite, secret: Uint8Array): boolean => {
  const kept = Buffer.from(invite.secretHash, 'hex')
  const shown = hash(secret)
  return kept.length === shown.length && timingSafeEqual(kept, shown)
}

/**
 * Spends one use of an invitation. The same peer may ask again: its first answer may have been lost.
 *
 * Pure: two redemptions that begin from the same `invite` both succeed. The caller does them one after the other and
 * keeps the result before it answers.
 * @returns the invitation after this use
 * @throws MeshError TICKET_UNKNOWN, TICKET_EXPIRED, TICKET_USED
 */
export const redeemInvite = (invite: Invite | undefined, secret: Uint8Array, peerId: string, nowMs: number): Invite => {
  if (invite === undefined || !isSecretOf(invite, secret)) throw new MeshError('TICKET_UNKNOWN')
  if (nowMs > invite.expiresMs) {
    throw new MeshError('TICKET_EXPIRED', `The ticket ended at ${new Date(invite.expiresMs).toISOString()}.`)
  }
  if (invite.usedBy.includes(peerId)) return invite
  if (invite.usedBy.length >= invite.uses) {
    const members = `${invite.uses} member${invite.uses === 1 ? '' : 's'}`
    throw new MeshError('TICKET_USED', `The ticket was good for ${members}.`)
  }
  return { ...invite, usedBy: [...invite.usedBy, peerId] }
}

/** Drops invitations that ended more than a lifetime ago; the recent ones are kept to give the exact error. */
export const pruneInvites = (invites: Invite[], nowMs: number): Invite[] =>
  invites.filter((invite) => invite.expiresMs + limits.inviteLifetimeMs > nowMs)
