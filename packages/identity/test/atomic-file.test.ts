import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFileAtomic, readFileIfExists, writeFileAtomic } from '@agent-mesh/identity'

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-file-'))
  path = join(folder, 'state.json')
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

const refused = expect.objectContaining({ name: 'MeshError', code: 'STATE_UNREADABLE' })

describe('writing a file as a whole', () => {
  it('makes it or replaces it, with the mode asked for', async () => {
    await writeFileAtomic(path, 'one')
    expect(await readFile(path, 'utf8')).toBe('one')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3), 0o640)
    expect(await readFile(path)).toEqual(Buffer.from([1, 2, 3]))
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('leaves one whole content when many write at once', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000))
    await Promise.all(contents.map(async (content) => writeFileAtomic(path, content)))
    expect(contents).toContain(await readFile(path, 'utf8'))
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('names the file where its folder is a file, is missing, or is itself in the way', async () => {
    await writeFile(path, 'old')
    const below = join(path, 'state.json')
    await expect(writeFileAtomic(below, 'x')).rejects.toThrow(refused)
    await expect(writeFileAtomic(below, 'x')).rejects.toThrow(`${below} cannot be written (ENOTDIR).`)
    await expect(writeFileAtomic(join(folder, 'no', 'a'), 'x')).rejects.toThrow('cannot be written (ENOENT).')
    await expect(writeFileAtomic(folder, 'x')).rejects.toThrow(`${folder} cannot be written (EISDIR).`)
    await expect(createFileAtomic(below, 'x')).rejects.toThrow(refused)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('leaves the old content or the new when the process is killed', { timeout: 60_000 }, async () => {
    const writer = fileURLToPath(new URL('endless-writer.ts', import.meta.url))
    const size = 16 * 1024 * 1024
    for (let round = 1; round <= 6; round++) {
      const child = spawn(
        process.execPath,
        ['--conditions=source', '--experimental-transform-types', '--no-warnings', writer, path, String(size)],
        { stdio: ['ignore', 'pipe', 'inherit'] }
      )
      const exited = once(child, 'exit')
      for (let writes = 0; writes < 2;) writes += String((await once(child.stdout, 'data'))[0]).length
      child.kill('SIGKILL')
      expect((await exited)[1]).toBe('SIGKILL')
      const content = await readFile(path)
      expect(content).toHaveLength(size)
      expect(content.equals(Buffer.alloc(size, content[0])), `round ${round}: a mixture`).toBe(true)
    }
  })
})

describe('making a file as a whole', () => {
  it('leaves the one that is there', async () => {
    await expect(createFileAtomic(path, 'one')).resolves.toBe(true)
    await expect(createFileAtomic(path, 'two')).resolves.toBe(false)
    expect(await readFile(path, 'utf8')).toBe('one')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('has exactly one winner', async () => {
    const made = await Promise.all(Array.from({ length: 30 }, async (_, i) => createFileAtomic(path, String(i))))
    expect(made.filter(Boolean)).toHaveLength(1)
    expect(await readFile(path, 'utf8')).toBe(String(made.indexOf(true)))
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('does not follow a link that leads nowhere', async () => {
    await symlink(join(folder, 'elsewhere'), path)
    await expect(createFileAtomic(path, 'x')).resolves.toBe(false)
    expect(await readdir(folder)).toEqual(['state.json'])
  })
})

describe('reading a file', () => {
  it('gives its content, or nothing where there is none', async () => {
    await writeFile(path, 'abc')
    expect(Buffer.from((await readFileIfExists(path)) ?? []).toString()).toBe('abc')
    await expect(readFileIfExists(join(folder, 'none'))).resolves.toBeUndefined()
  })

  it('names it where it cannot be read', async () => {
    await expect(readFileIfExists(folder)).rejects.toThrow(refused)
    await expect(readFileIfExists(folder)).rejects.toThrow(`${folder} cannot be read (EISDIR).`)
  })
})
