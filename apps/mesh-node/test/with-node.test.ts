import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair, type Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { createHash, randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, vi, type Mocked } from 'vitest'
import { startApi } from '@agent-mesh/node'
import { MeshError } from '@agent-mesh/wire'
import {
  exampleForward as forward,
  exampleNode,
  examplePeerId as peerId,
  exampleStatus as status,
  type ExampleNode
} from '@agent-mesh/testkit/example-node'
import { ended, run, start } from './run.ts'

interface Served {
  node: Mocked<ExampleNode>
  directory: string
}

/** The example node, with every method watched. */
const watchedNode = (): Mocked<ExampleNode> => {
  const node = exampleNode()
  const isMethod = (name: string): name is Exclude<keyof ExampleNode, 'listeners'> =>
    name in node && name !== 'listeners'
  for (const name of Object.keys(node).filter(isMethod)) vi.spyOn(node, name)
  return vi.mocked(node)
}

const serve = async (): Promise<Served> => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-cli-'))
  const node = watchedNode()
  const api = await startApi(node, { socketPath: join(directory, 'api.sock'), logger: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await api.close()
    await rm(directory, { recursive: true, force: true })
  })
  node.stop.mockImplementation(() => api.close())
  return { node, directory }
}

const withTunnel = async (): Promise<Served & { tunnel: Duplex; far: Duplex }> => {
  const served = await serve()
  const [tunnel, far] = duplexPair({ highWaterMark: 64 * 1024 })
  tunnel.on('error', () => {})
  served.node.connect.mockResolvedValue({ tunnel, peerId, service: 'ssh' })
  return { ...served, tunnel, far }
}

describe('under --json, stdout is the document of the node', () => {
  it.each([
    [['status'], status],
    [['peers'], { peers: [] }],
    [['wait', '--for', 'members:1'], { for: 'members:1', members: 1 }],
    [['top', '--interval', '100ms'], { node: { name: 'alice', inPerSecond: 0 }, members: [] }],
    [['find', 'a'], { candidates: [], leftOut: [], suggestions: ['a/b'], elapsedMs: 3 }],
    [['invite'], { ticket: 'mesh1x' }],
    [['dial', 'bob'], { peerId, path: 'direct', rttMs: 1.5, addresses: [] }],
    [
      ['serve', 'web=http://127.0.0.1:8000', '--capability', 'a/b'],
      { service: { name: 'web' }, publication: { storedBy: 2 } }
    ],
    [['unserve', 'web'], { name: 'web' }],
    [['publish', 'a/b'], { capability: 'a/b' }],
    [['unpublish', 'a/b'], { capability: 'a/b' }],
    [['forward', '127.0.0.1:0', 'bob/web'], forward],
    [['forward', '--list'], { forwards: [forward] }],
    [['forward', '--remove', 'f1'], forward],
    [
      ['ping', 'bob', '-c', '2', '--interval', '0s'],
      { peerId, path: 'direct', sent: 2, received: 2, rttMs: [1.5, 1.5], meanMs: 1.5 }
    ],
    [
      ['netcheck'],
      {
        udp: 'untested',
        mapping: 'unknown',
        filtering: 'unknown',
        kind: 'unknown',
        tcp: { state: 'untested', members: 0 },
        clock: { members: 0 }
      }
    ],
    [['whois', '127.0.0.1:1'], { peerId, service: 'web' }],
    [['network', 'show'], status.network]
  ])('of %j', async (words, document) => {
    const { directory } = await serve()
    const { code, stdout, stderr } = await run([...words, '--json', '--state-dir', directory])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.endsWith('\n')).toBe(true)
    expect(JSON.parse(stdout)).toMatchObject(document)
  })
})

describe('for people, the last line is the next command', () => {
  it.each([
    [['invite'], 'mesh-node join mesh1x --name <name>'],
    [['serve', 'web=http://127.0.0.1:8000'], 'mesh-node forward 127.0.0.1:0 alice/web'],
    [['publish', 'a/b'], 'mesh-node find a/b'],
    [['forward', '127.0.0.1:0', 'bob/web'], 'curl http://127.0.0.1:4000/'],
    [['dial', 'bob'], 'mesh-node find bob']
  ])('of %j', async (words, line) => {
    const { directory } = await serve()
    expect((await run([...words, '--state-dir', directory])).stdout.trimEnd().split('\n').at(-1)).toBe(line)
  })

  it('of what is found, which comes from peers and is shown as text', async () => {
    const { directory, node } = await serve()
    const candidate = {
      peerId,
      name: 'bob',
      groups: [],
      capabilities: ['a/b'],
      services: [{ name: 'web', kind: 'http', capabilities: [] }],
      service: 'web',
      addresses: [],
      reason: 'near\u001B[2J\u202E',
      recordExpiresMs: 1
    }
    node.find.mockResolvedValue({ candidates: [candidate], leftOut: [], suggestions: ['a/bc'], elapsedMs: 1 })
    const { stdout } = await run(['find', 'a', '--state-dir', directory])
    expect(stdout.split('\n')[1]).toMatch(
      new RegExp(`^bob +${peerId} +a/b +web +- +near\\\\u\\{1b\\}\\[2J\\\\u\\{202e\\}$`)
    )
    expect(stdout).toContain('Did you mean a/bc?')
    expect(stdout).toMatch(/\nmesh-node forward 127\.0\.0\.1:0 bob\/web\n$/)
  })
})

describe('an error of the node', () => {
  it.each([
    ['DENIED', 3],
    ['UNREACHABLE', 4],
    ['TIMEOUT', 5],
    ['INTERNAL', 1],
    ['TARGET_INVALID', 2]
  ] as const)('%s is exit %i', async (code, exit) => {
    const { directory, node } = await serve()
    node.dial.mockRejectedValue(new MeshError(code, 'it went wrong'))
    const plain = await run(['dial', 'bob', '--state-dir', directory])
    expect(plain).toMatchObject({
      code: exit,
      stdout: '',
      stderr: expect.stringMatching(`^mesh-node: it went wrong\n  layer: \\w+ \\(${code}\\)\n  next: `)
    })
    const json = await run(['dial', 'bob', '--json', '--state-dir', directory])
    expect(json).toMatchObject({ code: exit, stdout: '' })
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code, message: 'it went wrong' } })
  })

  it('is counted by ping, which fails where nothing came back', async () => {
    const { directory, node } = await serve()
    node.ping.mockRejectedValueOnce(new MeshError('TIMEOUT', 'too slow'))
    const some = await run(['ping', 'bob', '-c', '2', '--interval', '0s', '--state-dir', directory])
    expect(some).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no answer (TIMEOUT): too slow\nbob answered over direct')
    })
    node.ping.mockRejectedValue(new MeshError('UNREACHABLE', 'nobody there'))
    expect(await run(['ping', 'bob', '-c', '1', '--state-dir', directory])).toMatchObject({ code: 4 })
  })
})

describe('a wait', () => {
  it('of more than two seconds is told of, except under --json', async () => {
    const { directory, node } = await serve()
    const release = Promise.withResolvers<void>()
    node.status.mockImplementation(async () => {
      await release.promise
      return status
    })
    const json = ended(start(['status', '--json', '--state-dir', directory]))
    await vi.waitFor(() => expect(node.status).toHaveBeenCalledOnce(), { timeout: 10_000 })
    // The second one begins to wait after the first, so the first would have spoken before it.
    const plain = start(['status', '--state-dir', directory])
    const [note]: unknown[] = await once(plain.stderr, 'data')
    expect(String(note)).toMatch(/^mesh-node: asking the node … 2 s\n/)
    release.resolve()
    expect((await ended(plain)).code).toBe(0)
    expect((await json).stderr).toBe('')
  })
})

describe('nc', () => {
  it.each([
    [['alice', 'ssh'], 'alice/ssh'],
    [['alice.mesh', 'ssh'], 'alice.mesh/ssh'],
    [['alice/web'], 'alice/web'],
    [['cap:a/b'], 'cap:a/b']
  ])('of %j asks for %s', async (words, target) => {
    const { directory, node } = await serve()
    node.connect.mockRejectedValue(new MeshError('NAME_UNKNOWN'))
    expect((await run(['nc', ...words, '--state-dir', directory])).code).toBe(4)
    expect(node.connect).toHaveBeenCalledWith(target, expect.anything())
  })

  it('ends each direction by itself, ours first', async () => {
    const { directory, far } = await withTunnel()
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    const end = ended(child)
    child.stdin.end('question')
    expect(await text(far)).toBe('question')
    far.end('answer')
    expect(await end).toEqual({ code: 0, stdout: 'answer', stderr: '' })
  })

  it('ends each direction by itself, theirs first', async () => {
    const { directory, far } = await withTunnel()
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    const exit = once(child, 'close')
    far.end('all there is')
    expect(await text(child.stdout)).toBe('all there is')
    expect(child.exitCode).toBeNull()
    child.stdin.end('thanks')
    expect(await text(far)).toBe('thanks')
    await exit
    expect(child.exitCode).toBe(0)
  })

  it('carries 32 MiB both ways at once, byte for byte', async () => {
    const { directory, far } = await withTunnel()
    const bytes = randomBytes(32 * 1024 * 1024)
    far.pipe(far)
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    child.stdin.end(bytes)
    const back = await buffer(child.stdout)
    expect(createHash('sha256').update(back).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
    await once(child, 'close')
    expect(child.exitCode).toBe(0)
  })

  it.each([
    ['UPSTREAM_TIMEOUT', 5],
    ['CONNECTION_LOST', 4],
    ['TUNNEL_RESET', 1]
  ] as const)('that is reset with %s is exit %i', async (code, exit) => {
    const { directory, tunnel, far } = await withTunnel()
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    far.write('begun')
    await once(child.stdout, 'data')
    tunnel.destroy(new MeshError(code))
    expect(await ended(child)).toMatchObject({ code: exit, stderr: expect.stringContaining(`(${code})`) })
  })

  it('resets the tunnel when the reader of its output leaves', async () => {
    const { directory, tunnel, far } = await withTunnel()
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    far.on('error', () => {})
    far.write('begun')
    await once(child.stdout, 'data')
    const reset = once(tunnel, 'error')
    const stderr = text(child.stderr)
    child.stdout.destroy()
    const exit = once(child, 'exit')
    far.write(Buffer.alloc(1024 * 1024))
    expect((await reset)[0]).toMatchObject({ code: 'CANCELLED' })
    await exit
    expect(child.exitCode).toBe(1)
    expect(await stderr).toContain('The reader of stdout has left.')
  })

  it('resets the tunnel when it is killed', async () => {
    const { directory, tunnel, far } = await withTunnel()
    const child = start(['nc', 'alice', 'ssh', '--state-dir', directory])
    far.write('begun')
    await once(child.stdout, 'data')
    const reset = once(tunnel, 'error')
    child.kill('SIGKILL')
    expect((await reset)[0]).toMatchObject({ code: 'CONNECTION_LOST' })
  })
})

describe('a forward in the foreground', () => {
  it('is removed with the signal that ends it', async () => {
    const { directory, node } = await serve()
    const child = start(['forward', '127.0.0.1:0', 'bob/web', '--foreground', '--json', '--state-dir', directory])
    const end = ended(child)
    await vi.waitFor(() => expect(node.listeners.size).toBe(1), { timeout: 10_000 })
    expect(node.addForward).toHaveBeenCalledWith({ listen: '127.0.0.1:0', target: 'bob/web', foreground: true })
    child.kill('SIGINT')
    expect(await end).toMatchObject({ code: 0, stderr: '' })
    expect(node.removeForward).toHaveBeenCalledWith('f1')
  })

  it('fails when the node stops', async () => {
    const { directory, node } = await serve()
    const end = ended(start(['forward', '127.0.0.1:0', 'bob/web', '--foreground', '--json', '--state-dir', directory]))
    await vi.waitFor(() => expect(node.listeners.size).toBe(1), { timeout: 10_000 })
    await node.stop()
    const { code, stderr } = await end
    expect([code, JSON.parse(stderr)]).toMatchObject([4, { error: { code: 'NO_DAEMON' } }])
  })
})

describe('output', () => {
  it('whose reader leaves is no error', async () => {
    const { directory, node } = await serve()
    node.status.mockResolvedValue({
      ...status,
      addresses: Array.from({ length: 50_000 }, (_, i) => `/ip4/127.0.0.1/tcp/${i}`)
    })
    const child = start(['status', '--state-dir', directory])
    const stderr = text(child.stderr)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    await once(child, 'exit')
    expect([child.exitCode, await stderr]).toEqual([0, ''])
  })
})

describe('doctor', () => {
  it('names what is wrong from outside the node, with what mends it, and fails', async () => {
    const { directory } = await serve()
    const { code, stdout } = await run(['doctor', '--json', '--state-dir', directory])
    expect(code).toBe(1)
    const key = {
      name: 'key',
      verdict: 'fail',
      text: `There is no key in ${directory}.`,
      remedy: 'mesh-node join <ticket>'
    }
    expect(JSON.parse(stdout)).toMatchObject({
      isHealthy: false,
      checks: expect.arrayContaining([key, expect.objectContaining({ name: 'node', verdict: 'pass' })])
    })
  })

  it('says of a node that does not run how to start it, and skips the rest', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesh-doctor-'))
    onTestFinished(async () => rm(directory, { recursive: true, force: true }))
    const { code, stdout } = await run(['doctor', '--state-dir', directory])
    expect(code).toBe(1)
    expect(stdout).toContain('✗ node ')
    expect(stdout).toContain(`next: mesh-node up --state-dir ${directory}`)
    expect(stdout).toContain('- clock ')
  })
})
