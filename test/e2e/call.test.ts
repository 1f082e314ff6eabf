import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { makeScratchDir, onCleanup } from './harness/cleanup.ts'
import { meshNodeBin, start } from './harness/command.ts'
import { createMesh } from './harness/mesh.ts'
import { startHttpOrigin, type HttpOrigin } from './harness/origins/http-origin.ts'
import { echoBytes, startTcpOrigin } from './harness/origins/tcp-origin.ts'
import { seededSha256, writeSeededFile } from './harness/seeded-bytes.ts'
import { Terminal, withoutTerminals } from './harness/terminal.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

let alice: MeshProcess
let bob: MeshProcess
let origin: HttpOrigin

/** Answers with a status, with its own view of the request, or not at all. */
const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { url = '', method, headers } = request
  if (url === '/never') return
  if (url === '/evil') {
    response.end('plain \u001B]0;title\u0007 and \u009B31m red\n')
    return
  }
  if (url === '/cut') {
    response.write('half', () => response.destroy())
    return
  }
  const status = /^\/status\/(\d+)$/.exec(url)?.[1]
  const body = await text(request)
  response.writeHead(Number(status ?? 200), { 'content-type': 'application/json', 'x-odd': 'a' })
  const { host, 'content-type': type, 'x-mine': mine } = headers
  response.end(JSON.stringify({ method, url, host, type, mine, body }))
}

const startMirror = async (): Promise<number> => {
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

beforeAll(async () => {
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'] }))
  origin = await startHttpOrigin('alice-web')
  await alice.serve(`web=http://127.0.0.1:${origin.port}`, 'x-test/web')
  await alice.serve(`mirror=http://127.0.0.1:${await startMirror()}`)
  await alice.serve(`echo=tcp://127.0.0.1:${(await startTcpOrigin('echo', echoBytes)).port}`)
})

describe('mesh-node call', () => {
  it.each([['alice/web'], ['web.alice.mesh'], ['cap:x-test/web'], ['web.cap.mesh'], ['http://web.alice.mesh/']])(
    'prints what %s says, and nothing else',
    async (target) => {
      expect(await bob.run(['call', target])).toMatchObject({ code: 0, stdout: 'alice-web\n', stderr: '' })
    }
  )

  it('sends what was typed', async () => {
    const words = ['call', 'alice/mirror', '/a?b=c', '-d', '{"x":1}', '-H', 'X-Mine: yes']
    const { code, stdout } = await bob.run(words)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      method: 'POST',
      url: '/a?b=c',
      host: 'mirror.alice.mesh',
      type: 'application/json',
      mine: 'yes',
      body: '{"x":1}'
    })
  })

  it('sends a file, or standard input, to the byte', async () => {
    const file = join(await makeScratchDir('call'), 'body')
    const sizeBytes = 8 * 1024 * 1024
    await writeSeededFile(file, 5, sizeBytes)
    const sent = { sizeBytes, sha256: seededSha256(5, sizeBytes) }
    const put = await bob.run(['call', 'alice/web', '/echo', '-X', 'PUT', '-d', `@${file}`])
    expect(JSON.parse(put.stdout)).toMatchObject({ method: 'PUT', framing: 'length', ...sent })
    await writeFile(file, 'a word')
    const piped = await bob.run(['call', 'alice/mirror', '-d', '-'], { input: 'a word' })
    expect(JSON.parse(piped.stdout)).toMatchObject({ method: 'POST', body: 'a word' })
  })

  it('prints events as they come, and the service learns when it is stopped', async () => {
    const child = start(process.execPath, [meshNodeBin, 'call', 'alice/web', '/events?count=1000&interval=20'], {
      stateDir: bob.stateDir
    })
    if (child.stdout === null) throw new Error('no output')
    const lines = createInterface({ input: child.stdout })
    const seen: string[] = []
    for await (const line of lines) if (seen.push(line) >= 7) break
    expect(seen.filter((line) => line.startsWith('data'))).toEqual(['data: {"n":1}', 'data: {"n":2}'])
    expect(origin.openEventStreams).toBe(1)
    child.kill('SIGINT')
    await vi.waitFor(() => expect(origin.openEventStreams).toBe(0), { timeout: 5_000 })
  })

  it('prints the head of the answer on request, and judges its status on request alone', async () => {
    const shown = await bob.run(['call', 'alice/mirror', '/status/404', '-i'])
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^HTTP\/1\.1 404 Not Found\ncontent-type: application\/json\nx-odd: a\n[\s\S]*\n\n\{/)
    const failed = await bob.run(['call', 'alice/mirror', '/status/404', '--fail'])
    expect(failed).toMatchObject({ code: 1, stdout: '' })
    expect(failed.stderr).toContain('mirror of alice answered 404 Not Found to GET /status/404.')
    expect(failed.stderr).toContain('HTTP_STATUS')
  })

  it('is one document under --json, with who answered', async () => {
    const { stdout } = await bob.run(['call', 'cap:x-test/web', '--json', '--explain'])
    expect(JSON.parse(stdout)).toMatchObject({
      status: 200,
      headers: { 'x-origin': 'alice-web' },
      body: 'alice-web\n',
      servedBy: { peerId: alice.peerId, name: 'alice', service: 'web' },
      target: 'cap:x-test/web',
      candidates: [{ peerId: alice.peerId, reason: expect.any(String) }],
      leftOut: []
    })
  })

  it('says on stderr who may answer, why, and who did', async () => {
    const { code, stdout, stderr } = await bob.run(['call', 'web.cap.mesh', '--explain'])
    expect([code, stdout]).toEqual([0, 'alice-web\n'])
    expect(stderr).toMatch(/^PLACE +NAME +PEER +SERVICE +PATH +WHY HERE\n1, tier 0 +alice +12D3\w+ +web +local +\S/)
    expect(stderr).toMatch(new RegExp(`answered by alice \\(${alice.peerId}\\), service web, after [\\d.]+ ms\n$`))
  })

  it.each([
    [['nobody'], 4, 'NAME_UNKNOWN'],
    [['alice'], 2, 'TARGET_INVALID'],
    [['alice/none'], 4, 'SERVICE_UNKNOWN'],
    [['example.com'], 3, 'NAME_OUTSIDE'],
    [['alice/web', 'no-slash'], 2, 'USAGE'],
    [['alice/echo'], 1, 'TUNNEL_RESET'],
    [['alice/mirror', '/cut'], 1, 'TUNNEL_RESET'],
    [['alice/mirror', '/never', '--timeout', '500ms'], 5, 'TIMEOUT'],
    [['alice/web', '/events?count=1000&interval=20', '--timeout', '500ms'], 5, 'TIMEOUT']
  ])('%j ends with %i, %s', async (words, exit, code) => {
    const { code: ended, stderr } = await bob.run(['call', ...words])
    expect(stderr).toContain(`(${code})`)
    expect(ended).toBe(exit)
  })

  it.skipIf(withoutTerminals !== undefined)(
    `hands a file what the service says, and a terminal nothing that acts on it${withoutTerminals ?? ''}`,
    async () => {
      const evil = 'plain \u001B]0;title\u0007 and \u009B31m red'
      expect((await bob.run(['call', 'alice/mirror', '/evil'])).stdout).toBe(`${evil}\n`)
      const words = [process.execPath, meshNodeBin, 'call', 'alice/mirror', '/evil']
      const terminal = new Terminal(words, [120, 20], { stateDir: bob.stateDir })
      expect(await terminal.end()).toBe(0)
      expect(terminal.output).toContain('plain \\u{1b}]0;title\\u{7} and \\u{9b}31m red')
      expect(terminal.output).not.toContain('\u001B')
    }
  )

  it('leaves no tunnel behind', async () => {
    await expect.poll(async () => (await bob.status()).tunnels.open, { timeout: 10_000 }).toBe(0)
  })
})
