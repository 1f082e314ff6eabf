import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadKey, loadOrCreateKey, saveKey } from '@agent-mesh/identity'
import { member, stranger } from './network-fixture.ts'

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-key-'))
  path = join(folder, 'identity.key')
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

const refused = (code: string) => expect.objectContaining({ name: 'MeshError', code, exitCode: 1 })
const encoded = privateKeyToProtobuf(member)
const write = async (content: string | Uint8Array, mode = 0o600): Promise<void> => {
  await writeFile(path, content, { mode })
  await chmod(path, mode)
}
const writeBase64 = async (bytes: Uint8Array): Promise<void> => write(Buffer.from(bytes).toString('base64'))
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const out = Uint8Array.from(bytes)
  out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return out
}

describe('a key file', () => {
  it('is written for its owner alone, and read back as the same key', async () => {
    await saveKey(path, member)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await loadKey(path))?.equals(member)).toBe(true)
    expect(await readdir(folder)).toEqual(['identity.key'])
  })

  it('is written for its owner alone even over one that others could read', async () => {
    await write('old', 0o666)
    await saveKey(path, stranger)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await loadKey(path))?.equals(stranger)).toBe(true)
  })

  it('may be missing', async () => {
    await expect(loadKey(path)).resolves.toBeUndefined()
  })

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777, 0o440])(
    'that others can reach (mode %o) is refused, with the command that mends it',
    async (mode) => {
      await saveKey(path, member)
      await chmod(path, mode)
      await expect(loadKey(path)).rejects.toThrow(refused('KEY_READABLE'))
      await expect(loadOrCreateKey(path)).rejects.toThrow(`mode ${mode.toString(8)}`)
      const err = await loadKey(path).catch((cause: unknown) => cause)
      expect(err).toMatchObject({ hint: `chmod 600 ${path}`, message: expect.stringContaining(path) })
      expect((await stat(path)).mode & 0o777).toBe(mode)
    }
  )

  it.each([0o600, 0o400])('with mode %o is read', async (mode) => {
    await saveKey(path, member)
    await chmod(path, mode)
    expect((await loadKey(path))?.equals(member)).toBe(true)
  })

  it('is judged by the file that a link leads to', async () => {
    await saveKey(path, member)
    await chmod(path, 0o644)
    const link = join(folder, 'link.key')
    await symlink(path, link)
    await expect(loadKey(link)).rejects.toThrow(refused('KEY_READABLE'))
  })

  it('gets a hint that can be pasted, whatever its folder is called', async () => {
    const odd = join(folder, "it's a folder")
    await mkdir(odd)
    path = join(odd, 'identity.key')
    await write('x', 0o644)
    const err = await loadKey(path).catch((cause: unknown) => cause)
    expect(err).toMatchObject({ code: 'KEY_READABLE', hint: `chmod 600 '${path.replace("'", String.raw`'\''`)}'` })
  })
})

describe('a damaged key file', () => {
  it('is known by any single flipped bit of the key', { timeout: 60_000 }, async () => {
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      await writeBase64(flipped(encoded, bit))
      await expect(loadKey(path), `bit ${bit}`).rejects.toThrow(refused('KEY_DAMAGED'))
    }
  })

  it('is never another identity for flipped bits of the text', async () => {
    const text = Buffer.from(`${Buffer.from(encoded).toString('base64')}\n`)
    let whole = 0
    for (let bit = 0; bit < text.length * 8; bit += 3) {
      await write(flipped(text, bit))
      const outcome = await loadKey(path).catch((cause: unknown) => cause)
      if (outcome instanceof Error) expect(outcome).toEqual(refused('KEY_DAMAGED'))
      else {
        whole++
        expect(member.equals(outcome)).toBe(true)
      }
    }
    // Only the line end may be another kind of white space.
    expect(whole).toBeLessThanOrEqual(3)
  })

  it('is known at every length that it is cut to', async () => {
    const text = Buffer.from(encoded).toString('base64')
    for (let length = 0; length < text.length; length++) {
      await write(text.slice(0, length))
      await expect(loadKey(path), `${length}`).rejects.toThrow(refused('KEY_DAMAGED'))
    }
    for (let length = 0; length < encoded.length; length++) {
      await writeBase64(encoded.subarray(0, length))
      await expect(loadKey(path), `${length}`).rejects.toThrow(refused('KEY_DAMAGED'))
    }
  })

  it('holds two halves that do not belong together', async () => {
    const mixed = Buffer.concat([encoded.subarray(0, 36), privateKeyToProtobuf(stranger).subarray(36)])
    await writeBase64(mixed)
    await expect(loadKey(path)).rejects.toThrow('halves do not belong together')
  })

  it('holds a key of another type', async () => {
    for (const type of ['RSA', 'secp256k1', 'ECDSA'] as const) {
      const key = type === 'RSA' ? await generateKeyPair(type, 2048) : await generateKeyPair(type)
      await writeBase64(privateKeyToProtobuf(key))
      await expect(loadKey(path)).rejects.toThrow(refused('KEY_DAMAGED'))
      await expect(loadKey(path)).rejects.toThrow(`it holds a key of type ${key.type}`)
    }
  })

  it.each(['\n', 'not a key', '-----BEGIN OPENSSH PRIVATE KEY-----', '\u0000', '{}'])('holds %j', async (text) => {
    await write(text)
    await expect(loadKey(path)).rejects.toThrow(refused('KEY_DAMAGED'))
  })

  it('has more in it than the key', async () => {
    for (const more of [Uint8Array.of(0x18, 1), Uint8Array.of(0x08, 1), new Uint8Array(9)]) {
      await writeBase64(Buffer.concat([encoded, more]))
      await expect(loadKey(path)).rejects.toThrow(refused('KEY_DAMAGED'))
    }
    await write(`${Buffer.from(encoded).toString('base64')}\n${Buffer.from(encoded).toString('base64')}\n`)
    await expect(loadKey(path)).rejects.toThrow(refused('KEY_DAMAGED'))
  })

  it('is not read when it is huge, a folder or a pipe', async () => {
    await write(new Uint8Array(4097))
    await expect(loadKey(path)).rejects.toThrow('4097 bytes')
    await expect(loadKey(folder)).rejects.toThrow('it is not a file')
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    await expect(loadKey(pipe)).rejects.toThrow('it is not a file')
  })

  it('is left as it is', async () => {
    await write('damaged')
    await expect(loadOrCreateKey(path)).rejects.toThrow(refused('KEY_DAMAGED'))
    expect(await readFile(path, 'utf8')).toBe('damaged')
  })

  it('is named when it cannot be reached', async () => {
    await write('x')
    const below = join(path, 'identity.key')
    await expect(loadKey(below)).rejects.toThrow(refused('STATE_UNREADABLE'))
    await expect(loadKey(below)).rejects.toThrow(`${below} cannot be read (ENOTDIR).`)
  })
})

describe('a first start', () => {
  it('makes a key, and the next one finds it', async () => {
    const key = await loadOrCreateKey(path)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await loadOrCreateKey(path)).equals(key)).toBe(true)
    expect(await readdir(folder)).toEqual(['identity.key'])
  })

  it('makes one key, however many begin at once', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, async () => loadOrCreateKey(path)))
    const kept = await loadKey(path)
    for (const key of keys) expect(key.equals(kept)).toBe(true)
    expect(await readdir(folder)).toEqual(['identity.key'])
  })

  it('names the file when it cannot be made', async () => {
    const nowhere = join(folder, 'missing', 'identity.key')
    await expect(loadOrCreateKey(nowhere)).rejects.toThrow(refused('STATE_UNREADABLE'))
    await expect(saveKey(nowhere, member)).rejects.toThrow(`${nowhere} cannot be written (ENOENT).`)
  })
})
