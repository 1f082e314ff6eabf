import { createHash } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { base32 } from 'multiformats/bases/base32'
import type { PublicKey } from '@libp2p/interface'
import type { NetworkId } from '@agent-mesh/wire'

/** 128 bits of the SHA-256 of the root key, base32: 26 characters, the name of the network in every protocol id. */
export const networkIdOf = (rootKey: PublicKey): NetworkId =>
  base32.baseEncode(createHash('sha256').update(publicKeyToProtobuf(rootKey)).digest().subarray(0, 16))
