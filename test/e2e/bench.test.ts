import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)
const bench = fileURLToPath(new URL('../../apps/bench/src/main.ts', import.meta.url))

/** What the run with this process id left: namespaces carry the id, folders do not. */
const namespacesOf = async (pid: number | undefined): Promise<string[]> => {
  const { stdout } = await run('ip', ['netns', 'list']).catch(() => ({ stdout: '' }))
  return stdout.split('\n').filter((line) => line.startsWith(`mesh-bench-${pid}-`))
}

const foldersLeft = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('mesh-bench-'))

describe('npm run bench', () => {
  it('measures the mesh beside plain TCP, counts every round, and leaves nothing behind', async () => {
    const before = await foldersLeft()
    const args = ['requests', '--contenders', 'direct,mesh', '--rounds', '2', '--seconds', '1', '--json']
    const running = run(process.execPath, [bench, ...args])
    const { stdout } = await running
    const [comparison] = JSON.parse(stdout).comparisons
    expect(comparison.skipped).toEqual({})
    for (const name of ['direct', 'mesh']) {
      expect(comparison.samples[name]).toHaveLength(2)
      for (const { p50, p99 } of comparison.samples[name]) expect(p99).toBeGreaterThanOrEqual(p50)
    }
    expect(await namespacesOf(running.child.pid)).toEqual([])
    expect((await foldersLeft()).filter((name) => !before.includes(name))).toEqual([])
  })

  it('says what there is, where it is asked for something else', async () => {
    const failed = run(process.execPath, [bench, 'streem']).catch((err: { code: number; stderr: string }) => err)
    expect(await failed).toMatchObject({ code: 1, stderr: expect.stringContaining('there are stream, streams') })
  })
})
