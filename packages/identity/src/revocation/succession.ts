import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, limits, MeshError, Succession, type ErrorCode } from '@agent-mesh/wire'
import { readEnvelope, sealEnvelope } from '../envelope.ts'
import { peerIdFromBytes } from '../peer-id.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** One peer goes on under another key, by the word of its old one. */
export interface VerifiedSuccession {
  oldPeer: PeerId
  newPeer: PeerId
  timeMs: number
  /** The envelope as it travels. */
  bytes: Uint8Array
}

export interface SuccessionInit {
  networkKey: PublicKey
  newPeer: PeerId
  timeMs: number
}

/** Two public keys, a time and a signature fit well. */
const mostBytes = limits.revocationBytes / 8

/** Signed with the old key: whoever holds it says who goes on in its place. */
export const sealSuccession = async (
  { networkKey, newPeer, timeMs }: SuccessionInit,
  oldKey: PrivateKey
): Promise<Uint8Array<ArrayBuffer>> =>
  sealEnvelope(
    'succession',
    Succession.encode({
      networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
      oldPeer: peerIdFromPrivateKey(oldKey).toMultihash().bytes,
      newPeer: newPeer.toMultihash().bytes,
      timeMs
    }),
    oldKey
  )

/**
 * Size, shape, network and times come before the signature. A succession does not end: who may use it says so.
 * @param nowMs - it may be 10 minutes ahead of this clock
 * @throws MeshError NETWORK_FOREIGN, or with `code`
 */
export const openSuccession = async (
  bytes: Uint8Array,
  { networkKey, nowMs, code = 'REVOCATION_INVALID' }: { networkKey: PublicKey; nowMs: number; code?: ErrorCode }
): Promise<VerifiedSuccession> => {
  const fail = (why: string): never => {
    throw new MeshError(code, `A succession was refused: ${why}.`)
  }
  const { signer, payload, verify } = readEnvelope('succession', bytes, mostBytes, code)
  const message = decodeMessage(Succession, payload, mostBytes, code, 'succession')
  if (!equals(message.networkKey, publicKeyToProtobuf(networkKey))) {
    throw new MeshError('NETWORK_FOREIGN', 'A succession belongs to another network.')
  }
  const oldPeer = peerIdFromBytes(message.oldPeer, code)
  const newPeer = peerIdFromBytes(message.newPeer, code)
  if (!oldPeer.equals(signer)) fail('it is not signed by the key that it gives up')
  if (oldPeer.equals(newPeer)) fail('both of its keys are the same')
  if (!Number.isSafeInteger(message.timeMs) || message.timeMs > nowMs + limits.clockToleranceMs) {
    fail('it comes from the future')
  }
  await verify()
  return { oldPeer, newPeer, timeMs: message.timeMs, bytes }
}
