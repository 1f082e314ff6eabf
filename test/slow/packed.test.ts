import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { status, networkInfo } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { rootDir, run, start, type RunResult } from '../e2e/harness/command.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

let folder = ''
let stateDir = ''

const installed = async (...args: string[]): Promise<RunResult> =>
  run(join(folder, 'node_modules/.bin/mesh-node'), args, { cwd: folder, stateDir })

beforeAll(async () => {
  folder = await makeScratchDir('packed')
  stateDir = join(folder, 'state')
  const packed = await run(process.execPath, [join(rootDir, 'scripts/pack.ts'), '--out', folder])
  expect(`${packed.code} ${packed.stderr}`).toBe('0 ')
  const tarball = (await readdir(folder)).find((name) => /^mesh-node-\d+\.\d+\.\d+\.tgz$/.test(name))
  const npm = await run('npm', ['install', '--no-fund', '--no-audit', `./${tarball}`], {
    cwd: folder,
    timeoutMs: 300_000
  })
  expect(npm.code, npm.stderr).toBe(0)
}, 400_000)

test('the tarball, installed by plain npm into an empty folder, is a working node', async () => {
  const version = await installed('--version')
  expect(version.stdout.trim(), version.stderr).toMatch(/^mesh-node \d+\.\d+\.\d+ on Node \d+/)

  const created = await installed('network', 'create', '--name', 'alice', '--json')
  expect(created.code, created.stderr).toBe(0)
  const { network } = networkInfo.parse(JSON.parse(created.stdout))

  const node = start(
    join(folder, 'node_modules/.bin/mesh-node'),
    ['up', '--json', '--listen', '/ip4/127.0.0.1/tcp/0'],
    { cwd: folder, stateDir }
  )
  const ready = await untilReady(node)
  expect(ready).toMatchObject({ name: 'alice', network })

  const seen = await installed('status', '--json')
  expect(status.parse(JSON.parse(seen.stdout))).toMatchObject({
    pid: node.pid,
    network: { network, peerId: ready.peerId }
  })

  const ended = new Promise((resolve) => {
    node.once('exit', resolve)
  })
  const down = await installed('down')
  expect(down.code, down.stderr).toBe(0)
  expect(await ended).toBe(0)
})

test('WebRTC is in it, and nothing that only a phone needs', async () => {
  const inside = join(folder, 'node_modules/mesh-node')
  const loaded = await run(
    process.execPath,
    ['--input-type=module', '-e', "console.log(typeof (await import('@libp2p/webrtc')).webRTC)"],
    { cwd: inside }
  )
  expect(`${loaded.stdout.trim()} ${loaded.stderr}`).toBe('function ')
  expect((await readdir(join(folder, 'node_modules'))).filter((name) => name.startsWith('react'))).toEqual([])
})
