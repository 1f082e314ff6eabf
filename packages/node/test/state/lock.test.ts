import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockState } from '../../src/state/lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-lock-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('the lock of a state directory', () => {
  it('is held by one at a time and can be taken again', async () => {
    const unlock = await lockState(folder)
    await expect(lockState(folder)).rejects.toMatchObject({
      code: 'STATE_LOCKED',
      message: expect.stringContaining(String(process.pid))
    })
    await unlock()
    await (
      await lockState(folder)
    )()
    expect(await readdir(folder)).toHaveLength(1)
  })

  it('is taken over from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    await writeFile(join(folder, 'lock.7'), `${child.pid ?? 0} 1\n`)
    const unlock = await lockState(folder)
    expect(await readdir(folder)).toEqual(['lock.8'])
    expect(await readFile(join(folder, 'lock.8'), 'utf8')).toContain(`${process.pid} `)
    await unlock()
  })

  it('is taken over where the pid belongs to another process by now', async () => {
    await writeFile(join(folder, 'lock.1'), `${process.pid} 1\n`)
    await (
      await lockState(folder)
    )()
  })

  it('goes to exactly one of many, time after time, that find it stale', async () => {
    await writeFile(join(folder, 'lock.1'), '999999999 1\n')
    for (let round = 2; round < 50; round++) {
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockState(folder)))
      const won = results.filter((result) => result.status === 'fulfilled')
      expect(won).toHaveLength(1)
      expect(await readdir(folder)).toEqual([`lock.${round}`])
      await won[0]?.value()
    }
  })
})
