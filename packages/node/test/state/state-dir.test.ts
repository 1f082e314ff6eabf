import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bringUpToDate, defaultStateDir, locateStateDir, openStateDir } from '@agent-mesh/node/state-dir'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-state-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

describe('the default state directory', () => {
  it.each([
    [{ MESH_STATE_DIR: '/srv/a', XDG_STATE_HOME: '/x' }, '/srv/a'],
    [{ XDG_STATE_HOME: '/x' }, '/x/mesh-node/default'],
    [{ MESH_STATE_DIR: '' }, join(homedir(), '.local/state/mesh-node/default')]
  ])('of %j is %s', (env, path) => expect(defaultStateDir(env)).toBe(path))
})

describe('a state directory', () => {
  it('is made for its owner alone, with its version', async () => {
    const { path } = await openStateDir(join(folder, 'new', 'state'))
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    expect(await readFile(join(path, 'version'), 'utf8')).toBe('1\n')
  })

  it('of a newer version is refused and left alone', async () => {
    await writeFile(join(folder, 'version'), '2\n')
    await expect(openStateDir(folder)).rejects.toMatchObject({
      code: 'STATE_NEWER',
      message: expect.stringContaining(folder)
    })
    expect(await readFile(join(folder, 'version'), 'utf8')).toBe('2\n')
  })

  it.each(['', 'one', '0', '-1', '1.5'])('with %j as its version is damaged', async (text) => {
    await writeFile(join(folder, 'version'), text)
    await expect(openStateDir(folder)).rejects.toMatchObject({
      code: 'STATE_DAMAGED',
      message: expect.stringContaining(folder)
    })
  })

  it('of an older version is migrated step by step, and goes on where a step failed', async () => {
    await writeFile(join(folder, 'version'), '1\n')
    const done: string[] = []
    let isBroken = true
    const steps = new Map([
      [
        1,
        async () => {
          done.push('1 to 2')
        }
      ],
      [
        2,
        async () => {
          if (isBroken) throw new Error('disk full')
          done.push('2 to 3')
        }
      ]
    ])
    await expect(bringUpToDate(folder, 3, steps)).rejects.toThrow('disk full')
    isBroken = false
    await bringUpToDate(folder, 3, steps)
    await bringUpToDate(folder, 3, steps)
    expect(done).toEqual(['1 to 2', '2 to 3'])
    expect(await readFile(join(folder, 'version'), 'utf8')).toBe('3\n')
  })

  it('names a path that is a file', async () => {
    const path = join(folder, 'file')
    await writeFile(path, '')
    await expect(openStateDir(path)).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining(`${path} is not a directory`)
    })
  })

  it('into which others may write is refused once there is something in it', async () => {
    const path = join(folder, 'open')
    await mkdir(path)
    await chmod(path, 0o777)
    await openStateDir(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await chmod(path, 0o770)
    await expect(openStateDir(path)).rejects.toMatchObject({ code: 'STATE_UNREADABLE', hint: `chmod go-w ${path}` })
  })
})

describe('the socket path', () => {
  it('is in the state directory where that is short', () => {
    expect(locateStateDir('/srv/a').socketPath).toBe('/srv/a/api.sock')
  })

  it('is short whatever the length of the state directory, and one of its own', () => {
    const long = join('/srv', 'x'.repeat(200))
    const one = locateStateDir(join(long, 'a')).socketPath
    expect(Buffer.byteLength(one)).toBeLessThanOrEqual(100)
    expect(one).not.toBe(locateStateDir(join(long, 'b')).socketPath)
  })

  it('takes its place from the directory, not from the environment of the process that asks', async () => {
    const path = join(folder, 'y'.repeat(120))
    vi.stubEnv('XDG_RUNTIME_DIR', folder)
    const { socketPath } = await openStateDir(path)
    expect(dirname(dirname(socketPath))).toBe(folder)
    vi.stubEnv('XDG_RUNTIME_DIR', '')
    expect(locateStateDir(path).socketPath).toBe(socketPath)
    expect((await openStateDir(path)).socketPath).toBe(socketPath)
  })

  it('moves where its place is gone', async () => {
    const path = join(folder, 'y'.repeat(120))
    const runtime = join(folder, 'run')
    await mkdir(runtime)
    vi.stubEnv('XDG_RUNTIME_DIR', runtime)
    const { socketPath } = await openStateDir(path)
    await rm(runtime, { recursive: true })
    vi.stubEnv('XDG_RUNTIME_DIR', '')
    const moved = (await openStateDir(path)).socketPath
    expect(moved).not.toBe(socketPath)
    expect(locateStateDir(path).socketPath).toBe(moved)
  })
})
