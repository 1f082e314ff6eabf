import { rm } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { MeshError } from '@agent-mesh/wire'
import { parseNetworkKey, saveKey } from '@agent-mesh/identity'
import type { Ed25519PrivateKey, PublicKey } from '@libp2p/interface'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { saveMembership } from './credentials.ts'
import type { StateFiles } from './documents.ts'

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

const parseKey = (text: string, path: string): Ed25519PrivateKey => {
  const key = privateKeyFromProtobuf(fromBase64(text))
  if (key.type === 'Ed25519') return key
  throw new MeshError('STATE_DAMAGED', `${path} holds a key of type ${key.type}.`)
}

/**
 * The key that comes next. It is on disk before anybody is asked to certify it: whoever asks again, asks for the same.
 * @throws MeshError STATE_DAMAGED, STATE_UNREADABLE
 */
export const prepareNextKey = async (files: StateFiles, networkKey: PublicKey): Promise<Ed25519PrivateKey> => {
  const prepared = await files.nextIdentity.read()
  if (prepared !== undefined) return parseKey(prepared.key, files.nextIdentity.path)
  const key = await generateKeyPair('Ed25519')
  await writeNext(files, networkKey, key, [])
  return key
}

/** The certificate has come: the next start goes on with it. */
export const writeNext = async (
  files: StateFiles,
  networkKey: PublicKey,
  key: Ed25519PrivateKey,
  chain: Uint8Array[]
): Promise<void> =>
  files.nextIdentity.write({
    key: toBase64(privateKeyToProtobuf(key)),
    networkKey: toBase64(publicKeyToProtobuf(networkKey)),
    chain: chain.map(toBase64)
  })

/**
 * Puts the next identity, where there is one with its certificate, in the place of the present one. A crash in between
 * leaves the file of the next one whole, and the next start does it again. The state has to be locked.
 * @returns whether it did
 */
export const takeNextIdentity = async (files: StateFiles): Promise<boolean> => {
  const next = await files.nextIdentity.read()
  if (next === undefined || next.chain.length === 0) return false
  await saveKey(files.identityKey, parseKey(next.key, files.nextIdentity.path))
  await saveMembership(files, parseNetworkKey(fromBase64(next.networkKey)), next.chain.map(fromBase64))
  await rm(files.nextIdentity.path, { force: true })
  return true
}
