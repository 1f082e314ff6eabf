import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import { sealSuccession } from '@agent-mesh/identity'
import type { PeerId } from '@libp2p/interface'
import type { RotateResponse } from '@agent-mesh/wire/api'
import type { StateFiles } from '../state/documents.ts'
import type { Identity } from '../state/identity.ts'
import { prepareNext, writeNext } from '../state/next-identity.ts'
import type { Issuance } from './issuance.ts'
import type { OwnRenewal } from './own-renewal.ts'
import type { Revocations } from './revocations.ts'

export interface KeyRotationInit {
  identity: Identity
  files: StateFiles
  issuance: Pick<Issuance, 'issue'>
  ownRenewal: Pick<OwnRenewal, 'ask' | 'issuers' | 'reportStored'>
  revocations: Pick<Revocations, 'replace'>
  now?: () => number
}

interface Next {
  peerId: PeerId
  succession: Uint8Array
}

/**
 * Gives this node another key with the same name and groups. The order is what makes it safe to stop anywhere: the new key
 * is on disk before anybody is asked to certify it, and the certificate is before the old key is revoked. The new identity
 * waits on disk until the next start, which also asks for what was left undone; the node is put out until then.
 * @throws MeshError NOT_ISSUER, DENIED (ephemeral), UNREACHABLE, STATE_UNREADABLE
 */
export const rotateKey = async (init: KeyRotationInit): Promise<RotateResponse> => {
  const { identity, files, now = Date.now } = init
  const { key, networkKey, membership } = identity
  if (membership.isEphemeral)
    throw new MeshError('DENIED', 'An ephemeral member leaves with its key and its certificate.')
  const next = await prepareNext(files, networkKey)
  const peerId = peerIdFromPrivateKey(next.key)
  if (next.chain.length === 0) {
    const succession = await sealSuccession({ networkKey, newPeer: peerId, timeMs: now() }, key)
    const chain = await certify(init, { peerId, succession })
    await writeNext(files, { ...next, chain, succession })
    await finish(init, succession)
  }
  return { oldPeerId: membership.peerId.toString(), newPeerId: peerId.toString() }
}

const certify = async (init: KeyRotationInit, next: Next): Promise<Uint8Array[]> => {
  const { identity, issuance, ownRenewal } = init
  const { rootKey, membership } = identity
  const { name, groups, peerId: predecessor } = membership
  if (rootKey !== undefined) return issuance.issue({ peerId: next.peerId, name, groups, mayAdmit: true, predecessor })
  let last = new MeshError('UNREACHABLE', 'No member is known that may admit others.')
  for (const issuer of ownRenewal.issuers()) {
    try {
      const { chain } = await ownRenewal.ask(issuer, next)
      return chain
    } catch (err) {
      last = toMeshError(err)
    }
  }
  throw last
}

/** Has the old key revoked. Where nobody can be reached, the next start sees to it. */
const finish = async (
  { identity, ownRenewal, revocations }: KeyRotationInit,
  succession: Uint8Array
): Promise<void> => {
  if (identity.rootKey !== undefined) return revocations.replace(succession)
  for (const issuer of ownRenewal.issuers()) {
    const isDone = await ownRenewal.reportStored(issuer, succession).then(
      () => true,
      () => false
    )
    if (isDone) return
  }
}
