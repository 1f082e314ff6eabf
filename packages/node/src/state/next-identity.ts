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

/** What takes the place of the present identity at the next start. */
export interface NextIdentity {
  key: Ed25519PrivateKey
  networkKey: PublicKey
  /** Empty where it is not certified yet. */
  chain: Uint8Array[]
  /** By which the old key names the new one; empty together with the chain. */
  succession: Uint8Array
}

/** @throws MeshError STATE_DAMAGED, STATE_UNREADABLE */
const readNext = async (files: StateFiles): Promise<NextIdentity | undefined> => {
  const next = await files.nextIdentity.read()
  if (next === undefined) return undefined
  return {
    key: parseKey(next.key, files.nextIdentity.path),
    networkKey: parseNetworkKey(fromBase64(next.networkKey)),
    chain: next.chain.map(fromBase64),
    succession: fromBase64(next.succession ?? '')
  }
}

/** On disk as a whole, or not at all. @throws MeshError STATE_UNREADABLE */
export const writeNext = async (
  files: StateFiles,
  { key, networkKey, chain, succession }: NextIdentity
): Promise<void> =>
  files.nextIdentity.write({
    key: toBase64(privateKeyToProtobuf(key)),
    networkKey: toBase64(publicKeyToProtobuf(networkKey)),
    chain: chain.map(toBase64),
    succession: toBase64(succession)
  })

/**
 * The key that comes next. It is on disk before anybody is asked to certify it: whoever asks again, asks for the same.
 * @throws MeshError STATE_DAMAGED, STATE_UNREADABLE
 */
export const prepareNext = async (files: StateFiles, networkKey: PublicKey): Promise<NextIdentity> => {
  const prepared = await readNext(files)
  if (prepared !== undefined) return prepared
  const next = { key: await generateKeyPair('Ed25519'), networkKey, chain: [], succession: new Uint8Array() }
  await writeNext(files, next)
  return next
}

/**
 * Puts the next identity, where there is one with its certificate, in the place of the present one. A crash in between
 * leaves the file of the next one whole, and the next start does it again. The state has to be locked.
 * @returns whether it did
 */
export const takeNextIdentity = async (files: StateFiles): Promise<boolean> => {
  const next = await readNext(files)
  if (next === undefined || next.chain.length === 0) return false
  const { key, networkKey, chain, succession } = next
  await saveKey(files.identityKey, key)
  await saveMembership(files, networkKey, chain)
  if (succession.length > 0) await files.succession.write({ succession: toBase64(succession) })
  await rm(files.nextIdentity.path, { force: true })
  return true
}
