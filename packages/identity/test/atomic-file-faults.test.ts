import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFileAtomic, loadOrCreateKey, saveKey, writeFileAtomic } from '@agent-mesh/identity'
import { member } from './network-fixture.ts'

type Step = 'open' | 'write' | 'sync' | 'rename' | 'link' | 'sync folder'

/** What the disk refuses at the moment, and with which error: a disk that is full or read-only is outside of us. */
const disk = vi.hoisted(() => ({ fault: undefined as { step: string; code: string } | undefined }))

const refuse = (step: Step): void => {
  if (disk.fault?.step !== step) return
  throw Object.assign(new Error(disk.fault.code), { code: disk.fault.code })
}

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const real = await importOriginal()
  const open: typeof real.open = async (path, flags, mode) => {
    if (flags === 'wx') refuse('open')
    const file = await real.open(path, flags, mode)
    return new Proxy(file, {
      get: (target, property) => {
        if (property === 'sync') refuse(flags === 'wx' ? 'sync' : 'sync folder')
        if (property === 'writeFile' && disk.fault?.step === 'write') {
          return async (content: string) => {
            await target.writeFile(content.slice(0, content.length / 2))
            refuse('write')
          }
        }
        const value: unknown = Reflect.get(target, property, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
  }
  const rename: typeof real.rename = async (from, to) => {
    refuse('rename')
    return real.rename(from, to)
  }
  const link: typeof real.link = async (from, to) => {
    refuse('link')
    return real.link(from, to)
  }
  return { ...real, open, rename, link }
})

let folder = ''
let path = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-fault-'))
  path = join(folder, 'identity.key')
})
afterEach(async () => {
  disk.fault = undefined
  await rm(folder, { recursive: true, force: true })
})

const steps: Array<[Step, string]> = [
  ['open', 'EROFS'],
  ['open', 'EACCES'],
  ['write', 'ENOSPC'],
  ['sync', 'EIO'],
  ['rename', 'ENOSPC']
]

describe('a disk that fails', () => {
  it.each(steps)('at %s (%s) leaves the old file whole and names it', async (step, code) => {
    await writeFileAtomic(path, 'old')
    disk.fault = { step, code }
    await expect(writeFileAtomic(path, 'new content')).rejects.toMatchObject({
      name: 'MeshError',
      code: 'STATE_UNREADABLE',
      message: `${path} cannot be written (${code}).`
    })
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['identity.key'])
  })

  it('after the new file is in its place leaves that one whole, and says so', async () => {
    await writeFileAtomic(path, 'old')
    disk.fault = { step: 'sync folder', code: 'EIO' }
    await expect(writeFileAtomic(path, 'new')).rejects.toThrow(`${path} cannot be written (EIO).`)
    expect(await readFile(path, 'utf8')).toBe('new')
  })

  it.each([...steps.slice(0, 4), ['link', 'ENOSPC'] satisfies [Step, string]])(
    'at %s (%s) leaves no key behind that nobody has seen',
    async (step, code) => {
      disk.fault = { step, code }
      await expect(loadOrCreateKey(path)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' })
      expect(await readdir(folder)).toEqual([])
    }
  )

  it('keeps the old key when the new one cannot be written', async () => {
    const old = await loadOrCreateKey(path)
    disk.fault = { step: 'write', code: 'ENOSPC' }
    await expect(saveKey(path, member)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' })
    disk.fault = undefined
    expect((await loadOrCreateKey(path)).equals(old)).toBe(true)
  })

  it.each(['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'])('without hard links (%s) still makes a file', async (code) => {
    disk.fault = { step: 'link', code }
    await expect(createFileAtomic(path, 'one')).resolves.toBe(true)
    expect(await readFile(path, 'utf8')).toBe('one')
    expect(await readdir(folder)).toEqual(['identity.key'])
  })
})
