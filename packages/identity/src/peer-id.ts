import { peerIdFromMultihash } from '@libp2p/peer-id'
import * as Digest from 'multiformats/hashes/digest'
import { equals } from 'uint8arrays/equals'
import { MeshError, type ErrorCode } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'

const parse = (bytes: Uint8Array): PeerId => {
  const peerId = peerIdFromMultihash(Digest.decode(bytes))
  if (peerId.type !== 'Ed25519') throw new Error(`it is of type ${peerId.type}, not Ed25519`)
  // One key has one address: the same key with other bytes around it would print as another peer id.
  if (!equals(peerId.publicKey.toMultihash().bytes, bytes)) throw new Error('it is not in its one form')
  return peerId
}

/**
 * Reads the multihash bytes of an Ed25519 peer id.
 * @throws MeshError with `code`
 */
export const peerIdFromBytes = (bytes: Uint8Array, code: ErrorCode = 'CERTIFICATE_INVALID'): PeerId => {
  try {
    return parse(bytes)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it does not parse'
    throw new MeshError(code, `A peer id was refused: ${why}.`, { cause })
  }
}
