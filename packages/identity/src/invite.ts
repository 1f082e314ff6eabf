import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { limits, MeshError } from '@agent-mesh/wire'
import { createSealPair } from './seal.ts'

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
}

export interface CreatedInvite {
  invite: Invite
  id: Uint8Array
  secret: Uint8Array
  sealKey: Uint8Array
}

const hash = (secret: Uint8Array): Buffer => createHash('sha256').update(secret).digest()

export const createInvite = ({ nowMs, lifetimeMs = limits.inviteLifetimeMs, uses = 1, groups = [] }: { nowMs: number, lifetimeMs?: number, uses?: number, groups?: string[] }): CreatedInvite => {
  const id = randomBytes(16)
  const secret = randomBytes(16)
  const { publicKey, privateKey } = createSealPair()
  return {
    id, secret, sealKey: publicKey,
    invite: { id: id.toString('hex'), secretHash: hash(secret).toString('hex'), sealKey: privateKey, groups, expiresMs: nowMs + lifetimeMs, uses, usedBy: [] }
  }
}

/**
 * Spends one use of an invitation. The same peer may ask again: its first answer may have been lost.
 * @returns the invitation after this use
 * @throws MeshError TICKET_UNKNOWN, TICKET_EXPIRED, TICKET_USED
 */
export const redeemInvite = (invite: Invite | undefined, secret: Uint8Array, peerId: string, nowMs: number): Invite => {
  if (invite === undefined || !timingSafeEqual(hash(secret), Buffer.from(invite.secretHash, 'hex'))) throw new MeshError('TICKET_UNKNOWN')
  if (nowMs > invite.expiresMs) throw new MeshError('TICKET_EXPIRED', `The ticket ended at ${new Date(invite.expiresMs).toISOString()}.`)
  if (invite.usedBy.includes(peerId)) return invite
  if (invite.usedBy.length >= invite.uses) throw new MeshError('TICKET_USED', `The ticket was good for ${invite.uses} member${invite.uses === 1 ? '' : 's'}.`)
  return { ...invite, usedBy: [...invite.usedBy, peerId] }
}

/** Drops invitations that ended more than a lifetime ago; the recent ones are kept to give the exact error. */
export const pruneInvites = (invites: Invite[], nowMs: number): Invite[] =>
  invites.filter(invite => invite.expiresMs + limits.inviteLifetimeMs > nowMs)
