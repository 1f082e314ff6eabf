import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import { connect } from 'node:net'
import { request } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { toBase36 } from '@agent-mesh/wire'
import { makeScratchDir } from './harness/cleanup.ts'
import { run, type RunResult } from './harness/command.ts'
import { upperThrough } from './harness/grpc-client.ts'
import { createMesh } from './harness/mesh.ts'
import { startGitOrigin } from './harness/origins/git-origin.ts'
import { startGrpcOrigin } from './harness/origins/grpc-origin.ts'
import { originHeader, startHttpOrigin } from './harness/origins/http-origin.ts'
import { startSshd, type Sshd } from './harness/origins/sshd.ts'
import { startWebSocketOrigin } from './harness/origins/websocket-origin.ts'
import { findProgram, testWith } from './harness/program.ts'
import { digestOf, seededSha256 } from './harness/seeded-bytes.ts'
import { MeshProcess } from './harness/mesh-process.ts'

const bigBytes = 16 * 1024 * 1024
const sshPrograms = ['ssh', 'sshd', 'ssh-keygen']

let alice: MeshProcess
let bob: MeshProcess
let http = ''
let socks = ''
let scratch = ''
let sshd: Sshd | undefined

beforeAll(async () => {
  const mesh = await createMesh({ members: ['alice', 'bob'] })
  ;({ alice, bob } = mesh)
  scratch = await makeScratchDir('proxy')
  const web = await startHttpOrigin('alice-web')
  await alice.serve(`web=${web.url}`, 'language_processing/translation')
  await alice.serve(`chat=http://127.0.0.1:${(await startWebSocketOrigin('alice-chat')).port}`)
  await alice.serve(`words=grpc://127.0.0.1:${(await startGrpcOrigin('alice-grpc')).port}`)
  if (sshPrograms.every((name) => findProgram(name) !== undefined)) {
    sshd = await startSshd('alice')
    await alice.serve(`ssh=ssh://127.0.0.1:${sshd.port}`)
  }
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--socks', '127.0.0.1:0', '--http', '127.0.0.1:0'])
  socks = proxies.find(({ kind }) => kind === 'socks')?.listen ?? ''
  http = proxies.find(({ kind }) => kind === 'http')?.listen ?? ''
})

const succeeded = ({ code, stdout, stderr }: RunResult): string => {
  expect(code, stderr).toBe(0)
  return stdout
}

const curl = async (...args: string[]): Promise<RunResult> => run('curl', ['-sS', '--max-time', '60', ...args])

describe('curl', () => {
  const curlTest = testWith('curl')

  curlTest('reaches an agent by every kind of name, through both proxies', async () => {
    const names = [
      'web.alice.mesh',
      `web.${toBase36(alice.peerId)}.mesh`,
      'translation.cap.mesh',
      'translation.language_processing.cap.mesh'
    ]
    for (const name of names) {
      for (const by of [
        ['--proxy', `http://${http}`],
        ['--socks5-hostname', socks],
        ['--proxytunnel', '--proxy', `http://${http}`]
      ]) {
        const answer = succeeded(await curl('-i', ...by, `http://${name}/`))
        expect(answer).toContain(`${originHeader}: alice-web`)
      }
    }
    expect(succeeded(await curl('-i', '--proxy', `http://${http}`, 'http://web.alice.mesh/'))).toContain(
      `Mesh-Served-By: "${alice.peerId}";name="alice";service="web"`
    )
  })

  curlTest('16 MiB come through both', async () => {
    for (const by of [
      ['--proxy', `http://${http}`],
      ['--socks5-hostname', socks]
    ]) {
      const file = join(scratch, 'down')
      succeeded(await curl(...by, '-o', file, `http://web.alice.mesh/bytes?size=${bigBytes}&seed=2`))
      expect(await digestOf(createReadStream(file))).toEqual({ sizeBytes: bigBytes, sha256: seededSha256(2, bigBytes) })
    }
  })

  curlTest('is told which layer failed', async () => {
    const answer = succeeded(await curl('-i', '--proxy', `http://${http}`, 'http://nobody.mesh/'))
    expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*Proxy-Status: mesh-node; error=dns_error; [^]*NAME_UNKNOWN/)
    expect(await curl('--socks5-hostname', socks, 'http://nobody.mesh/')).toMatchObject({ code: 97 })
    expect(await curl('--socks5-hostname', socks, 'http://example.com/')).toMatchObject({ code: 97 })
    expect(succeeded(await curl('-i', '--proxy', `http://${http}`, 'http://example.com/'))).toMatch(/^HTTP\/1\.1 403 /)
  })

  curlTest('is told all services where a name leaves it open', async () => {
    const answer = succeeded(await curl('-i', '--proxy', `http://${http}`, 'http://alice.mesh:9/'))
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/web, chat, words/)
  })

  curlTest('finds agents by the settings that are printed', async () => {
    const setup = succeeded(await bob.run(['proxy', '--print-setup']))
    const exported = setup
      .split('\n')
      .filter((line) => line.startsWith('export http_proxy='))
      .map((line) => line.slice('export '.length).split('='))
    const { stdout } = await run('curl', ['-sS', 'http://web.alice.mesh/'], { env: Object.fromEntries(exported) })
    expect(stdout).toBe('alice-web\n')
    expect(setup).toContain(`http://${http}/proxy.pac`)
    expect(setup).toContain('ProxyCommand mesh-node nc %h ssh')
  })
})

testWith('wget')('wget gets a file by name', async () => {
  const file = join(scratch, 'wget')
  const { code, stderr } = await run(
    'wget',
    ['-q', '-O', file, `http://web.alice.mesh/bytes?size=${bigBytes}&seed=4`],
    {
      env: { http_proxy: `http://${http}`, no_proxy: '' }
    }
  )
  expect(code, stderr).toBe(0)
  expect(await digestOf(createReadStream(file))).toEqual({ sizeBytes: bigBytes, sha256: seededSha256(4, bigBytes) })
})

testWith('git')('git clones over HTTP, and pushes', async () => {
  const origin = await startGitOrigin()
  await alice.serve(`code=${origin.url}`)
  const env = { http_proxy: `http://${http}`, no_proxy: '', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' }
  const folder = join(scratch, 'clone')
  const git = async (...args: string[]): Promise<string> =>
    succeeded(await run('git', ['-c', 'user.name=bob', '-c', 'user.email=bob@mesh', ...args], { env }))
  await git('clone', '-q', 'http://code.alice.mesh/words.git', folder)
  expect(await git('-C', folder, 'log', '--format=%s')).toBe('first\n')
  await mkdir(join(folder, 'more'))
  await writeFile(join(folder, 'more', 'file'), 'x'.repeat(3_000_000))
  await git('-C', folder, 'add', '.')
  await git('-C', folder, 'commit', '-q', '-m', 'second')
  await git('-C', folder, 'push', '-q', 'origin', 'HEAD')
  expect(await origin.log()).toBe('second\nfirst\n')
})

testWith(...sshPrograms)('OpenSSH logs in by a host name of the mesh', async () => {
  if (sshd === undefined) throw new Error('no sshd')
  for (const proxyCommand of ['mesh-node nc %h ssh', 'mesh-node nc ssh.%h']) {
    const { code, stdout, stderr } = await run(
      'ssh',
      [
        ...sshd.clientOptions,
        '-o',
        `ProxyCommand=${proxyCommand}`,
        '-o',
        'HostKeyAlias=alice',
        `${sshd.user}@alice.mesh`,
        'cat; exit 7'
      ],
      { stateDir: bob.stateDir, input: 'some input\n' }
    )
    expect({ code, stdout }, stderr).toEqual({ code: 7, stdout: 'some input\n' })
  }
})

test('grpc-js calls through CONNECT, as http_proxy tells it', async () => {
  expect(await upperThrough(`http://${http}`, 'words.alice.mesh:50051', 'hello')).toEqual({
    origin: 'alice-grpc',
    text: 'HELLO'
  })
  expect(await upperThrough(`http://${http}`, 'alice.mesh:50051', 'by port')).toMatchObject({ text: 'BY PORT' })
})

const firstWordOf = async (socket: WebSocket): Promise<string> => {
  const [first] = await once(socket, 'message')
  socket.close()
  await once(socket, 'close')
  return String(first)
}

test('a WebSocket opens by absolute form and by CONNECT', async () => {
  const [host = '', port = ''] = http.split(':')
  const absolute = new WebSocket(`ws://${http}/chat`, ['agent.v1'], {
    headers: { Host: 'chat.alice.mesh' },
    finishRequest: (upgrade) => {
      upgrade.path = 'http://chat.alice.mesh/chat'
      upgrade.end()
    }
  })
  expect(await firstWordOf(absolute)).toBe('origin alice-chat')
  const asking = request({
    host,
    port,
    method: 'CONNECT',
    path: 'chat.alice.mesh:80',
    headers: { Host: 'chat.alice.mesh:80' }
  })
  asking.end()
  const [, tunnel] = await once(asking, 'connect')
  const through = new WebSocket('ws://chat.alice.mesh/chat', ['agent.v1'], { createConnection: () => tunnel })
  expect(await firstWordOf(through)).toBe('origin alice-chat')
})

test('proxies are shown, survive a restart of the node, and are gone when removed', async () => {
  const shown = async (): Promise<string[]> =>
    (await bob.status()).proxies.map(({ kind, listen }) => `${kind} ${listen}`)
  expect((await shown()).toSorted()).toEqual([`http ${http}`, `socks ${socks}`])
  const { stdout } = await bob.run(['status'])
  expect(stdout).toContain(http)
  const unix = `unix:${join(scratch, 'p.sock')}`
  await bob.json(z.unknown(), ['proxy', '--http', unix])
  const socket = connect(unix.slice('unix:'.length))
  socket.write('GET http://web.alice.mesh/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let heard = ''
  for await (const part of socket) heard += String(part)
  expect(heard).toContain('alice-web')
  await bob.json(z.unknown(), ['proxy', '--remove', unix])
  expect(await shown()).toHaveLength(2)
  await bob.stop()
  bob = await MeshProcess.up(bob.stateDir)
  expect((await shown()).toSorted()).toEqual([`http ${http}`, `socks ${socks}`])
  await bob.json(z.unknown(), ['proxy', '--remove', socks])
  expect(await shown()).toEqual([`http ${http}`])
  const refused = await bob.run(['proxy', '--http', '0.0.0.0:0'])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--allow-remote')
})

test('a delay after which a second agent is asked is kept and shown, and refused where it is none', async () => {
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--http', '127.0.0.1:0', '--hedge', '95p'])
  expect(proxies).toMatchObject([{ kind: 'http', hedge: '95p' }])
  const { listen } = proxies[0] ?? { listen: '' }
  expect((await bob.client.proxies()).find((one) => one.listen === listen)?.hedge).toBe('95p')
  await bob.json(z.unknown(), ['proxy', '--remove', listen])
  for (const wrong of [
    ['--http', '127.0.0.1:0', '--hedge', '5m'],
    ['--socks', '127.0.0.1:0', '--hedge', '95p']
  ]) {
    const { code, stderr } = await bob.run(['proxy', ...wrong])
    expect(code, stderr).toBe(2)
  }
})
