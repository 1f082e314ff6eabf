import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { inviteResponse, status, networkInfo } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { rootDir, run, start, type RunResult } from '../e2e/harness/command.ts'
import { answerWithDigest, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
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

test('two nodes of it find and call each other, and say who wrote what is inside them', async () => {
  const command = join(folder, 'node_modules/.bin/mesh-node')
  const dirs = { alice: join(folder, 'alice'), bob: join(folder, 'bob') }
  const as = async (who: keyof typeof dirs, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(command, args, { cwd: folder, stateDir: dirs[who] })
    expect(code, stderr).toBe(0)
    return stdout
  }
  const up = async (who: keyof typeof dirs): Promise<void> => {
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
    await untilReady(start(command, ['up', '--json', ...listen], { cwd: folder, stateDir: dirs[who] }))
  }
  await as('alice', 'network', 'create', '--name', 'alice', '--json')
  await up('alice')
  const { ticket } = inviteResponse.parse(JSON.parse(await as('alice', 'invite', '--json')))
  await as('bob', 'join', ticket, '--name', 'bob', '--json')
  await up('bob')
  const { port } = await startTcpOrigin('packed', answerWithDigest)
  await as('alice', 'serve', `digest=tcp://127.0.0.1:${port}`, '--capability', 'x-packed/digest')
  await vi.waitFor(async () => expect(await as('bob', 'find', 'x-packed/digest', '--json')).toContain('alice'), 20_000)
  const input = 'through two nodes '.repeat(10_000)
  const { stdout } = await run(command, ['nc', 'alice', 'digest'], { cwd: folder, stateDir: dirs.bob, input })
  expect(stdout).toContain(createHash('sha256').update(input).digest('hex'))
  for (const who of ['bob', 'alice'] as const) await as(who, 'down')
  const licenses = await readFile(join(folder, 'node_modules/mesh-node/THIRD-PARTY-LICENSES'), 'utf8')
  for (const name of ['libp2p', '@libp2p/kad-dht', '@libp2p/gossipsub', 'fastify', 'zod'])
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'))
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
