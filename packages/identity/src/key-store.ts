import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import {
  generateKeyPair,
  generateKeyPairFromSeed,
  privateKeyFromProtobuf,
  privateKeyToProtobuf
} from '@libp2p/crypto/keys'
import { equals } from 'uint8arrays/equals'
import { MeshError } from '@agent-mesh/wire'
import { createFileAtomic, writeFileAtomic } from './atomic-file.ts'
import type { Ed25519PrivateKey } from '@libp2p/interface'

const seedBytes = 32
/** An Ed25519 key needs 93 characters. */
const mostBytes = 4096

const damaged = (path: string, why: string, cause?: unknown): MeshError =>
  new MeshError('KEY_DAMAGED', `${path} is damaged: ${why}.`, { cause })

const shellWord = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`

/** Looks at the open file, not at its path: what is checked is what is read. */
const checkFile = async (path: string, file: FileHandle): Promise<void> => {
  const stat = await file.stat()
  if (!stat.isFile()) throw damaged(path, 'it is not a file')
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8)
    throw new MeshError('KEY_READABLE', `${path} can be read by others (mode ${mode}).`, {
      hint: `chmod 600 ${shellWord(path)}`
    })
  }
  if (stat.size > mostBytes) throw damaged(path, `it has ${stat.size} bytes`)
}

const readKeyFile = async (path: string): Promise<string | undefined> => {
  try {
    // Without O_NONBLOCK a named pipe in the place of the key would hold the node for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      await checkFile(path, file)
      return await file.readFile('latin1')
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    if (code === 'ENOENT') return undefined
    throw new MeshError('STATE_UNREADABLE', `${path} cannot be read (${code}).`, { cause })
  }
}

const encode = (key: Ed25519PrivateKey): string => Buffer.from(privateKeyToProtobuf(key)).toString('base64')

const parse = async (path: string, text: string): Promise<Ed25519PrivateKey> => {
  try {
    const key = privateKeyFromProtobuf(Buffer.from(text, 'base64'))
    if (key.type !== 'Ed25519') throw damaged(path, `it holds a key of type ${key.type}`)
    // The file carries the private and the public half: a flipped bit in either must not become another identity.
    const derived = await generateKeyPairFromSeed('Ed25519', key.raw.subarray(0, seedBytes))
    if (!equals(derived.raw, key.raw)) throw damaged(path, 'its private and public halves do not belong together')
    // base64 and protobuf forgive much; a file that is not what was written is not to be trusted in the rest.
    if (encode(key) !== text) throw damaged(path, 'it is not written as a key is')
    return key
  } catch (err) {
    throw err instanceof MeshError ? err : damaged(path, 'it is not an Ed25519 private key', err)
  }
}

/**
 * Reads an Ed25519 key from a file with mode 0600, or undefined where there is no file.
 * @throws MeshError KEY_READABLE, KEY_DAMAGED, STATE_UNREADABLE
 */
export const loadKey = async (path: string): Promise<Ed25519PrivateKey | undefined> => {
  const text = await readKeyFile(path)
  return text === undefined ? undefined : parse(path, text.trim())
}

/** Writes a key with mode 0600 in the place of whatever is there. @throws MeshError STATE_UNREADABLE */
export const saveKey = async (path: string, key: Ed25519PrivateKey): Promise<void> =>
  writeFileAtomic(path, `${encode(key)}\n`)

/**
 * The key of the file; a fresh one is written where there is no file. Two processes that begin at once get the same.
 * @throws MeshError KEY_READABLE, KEY_DAMAGED, STATE_UNREADABLE
 */
export const loadOrCreateKey = async (path: string): Promise<Ed25519PrivateKey> => {
  const existing = await loadKey(path)
  if (existing !== undefined) return existing
  const key = await generateKeyPair('Ed25519')
  if (await createFileAtomic(path, `${encode(key)}\n`)) return key
  return loadOrCreateKey(path)
}
