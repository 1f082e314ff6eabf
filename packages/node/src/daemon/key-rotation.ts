import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import { sealSuccession } from '@agent-mesh/identity'
import type { RotateResponse } from '@agent-mesh/wire/api'
import type { StateFiles } from '../state/documents.ts'
import type { Identity } from '../state/identity.ts'
import { prepareNextKey, writeNext } from '../state/next-identity.ts'
import type { Issuance } from './issuance.ts'
import type { OwnRenewal } from './own-renewal.ts'
import type { Revocations } from './revocations.ts'

export interface KeyRotationInit {
  identity: Identity
  files: StateFiles
  issuance: Pick<Issuance, 'issue'>
  ownRenewal: Pick<OwnRenewal, 'ask' | 'issuers'>
  revocations: Pick<Revocations, 'replace'>
  now?: () => number
}

interface Next {
  peerId: ReturnType<typeof peerIdFromPrivateKey>
  succession: Uint8Array
}

/**
 * Gives this node another key with the same name and groups. The new identity waits on disk until the next start; the
 * old one is revoked, so that the node is put out until then.
 * @throws MeshError NOT_ISSUER, DENIED (ephemeral), UNREACHABLE, STATE_UNREADABLE
 */
export const rotateKey = async (init: KeyRotationInit): Promise<RotateResponse> => {
  const { identity, files, revocations, now = Date.now } = init
  const { key, networkKey, rootKey, membership } = identity
  if (membership.isEphemeral)
    throw new MeshError('DENIED', 'An ephemeral member leaves with its key and its certificate.')
  const nextKey = await prepareNextKey(files, networkKey)
  const peerId = peerIdFromPrivateKey(nextKey)
  const succession = await sealSuccession({ networkKey, newPeer: peerId, timeMs: now() }, key)
  const chain = rootKey === undefined ? await askOthers(init, { peerId, succession }) : await byRoot(init, peerId)
  await writeNext(files, networkKey, nextKey, chain)
  if (rootKey !== undefined) await revocations.replace(membership, succession)
  return { oldPeerId: membership.peerId.toString(), newPeerId: peerId.toString() }
}

const byRoot = async ({ identity, issuance }: KeyRotationInit, peerId: Next['peerId']): Promise<Uint8Array[]> => {
  const { name, groups, peerId: predecessor } = identity.membership
  return issuance.issue({ peerId, name, groups, mayAdmit: true, predecessor })
}

const askOthers = async ({ ownRenewal }: KeyRotationInit, next: Next): Promise<Uint8Array[]> => {
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
