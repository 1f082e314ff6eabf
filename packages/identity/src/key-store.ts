import { stat } from 'node:fs/promises'
import { generateKeyPair, generateKeyPairFromSeed, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { equals } from 'uint8arrays/equals'
import { MeshError } from '@agent-mesh/wire'
import { readFileIfExists, writeFileAtomic } from './atomic-file.ts'
import type { Ed25519PrivateKey } from '@libp2p/interface'

const seedBytes = 32

const checkMode = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) {
    throw new MeshError('KEY_READABLE', `${path} can be read by others (mode ${(mode & 0o777).toString(8)}).`, { hint: `chmod 600 ${path}` })
  }
}

const parse = async (path: string, content: Uint8Array): Promise<Ed25519PrivateKey> => {
  const damaged = (why: string, cause?: unknown): MeshError => new MeshError('KEY_DAMAGED', `${path} is damaged: ${why}.`, { cause })
  try {
    const key = privateKeyFromProtobuf(Buffer.from(Buffer.from(content).toString('utf8').trim(), 'base64'))
    if (key.type !== 'Ed25519') throw damaged(`it holds a key of type ${key.type}`)
    // The file carries the private and the public half: a flipped bit in either must not become another identity.
    const derived = await generateKeyPairFromSeed('Ed25519', key.raw.subarray(0, seedBytes))
    if (!equals(derived.publicKey.raw, key.publicKey.raw)) throw damaged('its private and public halves do not belong together')
    return key
  } catch (err) {
    throw err instanceof MeshError ? err : damaged('it is not an Ed25519 private key', err)
  }
}

/**
 * Reads an Ed25519 key from a file with mode 0600, or undefined where there is no file.
 * @throws MeshError KEY_READABLE, KEY_DAMAGED, STATE_UNREADABLE
 */
export const loadKey = async (path: string): Promise<Ed25519PrivateKey | undefined> => {
  const content = await readFileIfExists(path)
  if (content === undefined) return undefined
  await checkMode(path)
  return parse(path, content)
}

/** Writes a key with mode 0600. */
export const saveKey = async (path: string, key: Ed25519PrivateKey): Promise<void> =>
  writeFileAtomic(path, `${Buffer.from(privateKeyToProtobuf(key)).toString('base64')}\n`)

/** The key of the file; a fresh one is written where there is no file. */
export const loadOrCreateKey = async (path: string): Promise<Ed25519PrivateKey> => {
  const existing = await loadKey(path)
  if (existing !== undefined) return existing
  const key = await generateKeyPair('Ed25519')
  await saveKey(path, key)
  return key
}
