import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, vi, type Mocked } from 'vitest'
import { startApi, type ApiServer } from '@agent-mesh/node'
import { MeshError } from '@agent-mesh/wire'
import type { PeerDocument } from '@agent-mesh/wire/api'
import { exampleNode, examplePeerId as peerId, type ExampleNode } from '@agent-mesh/testkit/example-node'
import { parseCondition } from '../src/wait-condition.ts'
import { ended, run, start } from './run.ts'

const serve = async (): Promise<{ node: Mocked<ExampleNode>; directory: string; open: () => Promise<ApiServer> }> => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-cli-'))
  const node = exampleNode()
  for (const name of ['find', 'peers', 'dial', 'why'] as const) vi.spyOn(node, name)
  const servers: ApiServer[] = []
  onTestFinished(async () => {
    for (const server of servers) await server.close()
    await rm(directory, { recursive: true, force: true })
  })
  const open = async (): Promise<ApiServer> => {
    const api = await startApi(node, { socketPath: join(directory, 'api.sock'), logger: pino({ level: 'silent' }) })
    servers.push(api)
    return api
  }
  return { node: vi.mocked(node), directory, open }
}

const bob: PeerDocument = {
  peerId,
  name: 'bob',
  groups: [],
  state: 'connected',
  path: 'direct',
  direction: 'inbound',
  addresses: [],
  sinceMs: 0,
  tunnels: 0
}

const candidate = {
  peerId,
  name: 'bob',
  groups: [],
  capabilities: ['a/b'],
  services: [],
  addresses: [],
  reason: '',
  recordExpiresMs: 1
}

describe('wait', () => {
  it('ends with the event after which it is true, long before its next look', async () => {
    const { node, directory, open } = await serve()
    await open()
    const end = ended(start(['wait', '--for', 'members:2', '--json', '--state-dir', directory]))
    await vi.waitFor(() => expect(node.listeners.size).toBe(1), { timeout: 10_000 })
    node.peers.mockResolvedValue([bob])
    node.emit({ event: 'peer:joined', atMs: 1, fields: {} })
    const { code, stdout, stderr } = await end
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ for: 'members:2', members: 2 })
  })

  it('looks by itself for what tells nobody of its coming', async () => {
    const { node, directory, open } = await serve()
    await open()
    const end = ended(start(['wait', '--for', 'capability:a/b', '--json', '--state-dir', directory]))
    await vi.waitFor(() => expect(node.find).toHaveBeenCalled(), { timeout: 10_000 })
    node.find.mockResolvedValue({ candidates: [candidate], leftOut: [], suggestions: [], elapsedMs: 1 })
    expect(JSON.parse((await end).stdout)).toMatchObject({ capability: 'a/b', peerId, name: 'bob' })
    expect(node.find).toHaveBeenLastCalledWith(expect.objectContaining({ query: 'cap:a/b' }), expect.anything())
  })

  it('takes a peer that is connected, or dials it', async () => {
    const { node, directory, open } = await serve()
    await open()
    node.dial.mockRejectedValueOnce(new MeshError('NAME_UNKNOWN'))
    expect(await run(['wait', '--for', 'peer:bob', '--state-dir', directory])).toMatchObject({ code: 0 })
    expect(node.dial).toHaveBeenCalledTimes(2)
    node.peers.mockResolvedValue([bob])
    expect(await run(['wait', '--for', `peer:${peerId}`, '--state-dir', directory])).toMatchObject({ code: 0 })
    expect(node.dial).toHaveBeenCalledTimes(2)
  })

  it('counts nobody who is known to be dead, and does not take one for reached', async () => {
    const { node, directory, open } = await serve()
    await open()
    node.peers.mockResolvedValue([
      { ...bob, health: { state: 'dead', sinceMs: 0, reason: 'no answer', isAsymmetric: false } }
    ])
    node.dial.mockRejectedValue(new MeshError('UNREACHABLE', 'bob does not answer.'))
    for (const condition of ['members:2', 'peer:bob'])
      expect(await run(['wait', '--for', condition, '--timeout', '300ms', '--state-dir', directory])).toMatchObject({
        code: 5
      })
  })

  it('of a service is over when a request to it would get through', async () => {
    const { node, directory, open } = await serve()
    await open()
    const failed = { layer: 'policy', verdict: 'failed' as const, text: 'no grant' }
    node.why.mockResolvedValueOnce({ target: 'bob/web', verdict: 'failed', failed, steps: [failed], elapsedMs: 1 })
    expect(await run(['wait', '--for', 'service:bob/web', '--state-dir', directory])).toMatchObject({ code: 0 })
    expect(node.why).toHaveBeenCalledTimes(2)
  })

  it('says at least every two seconds what is missing, and exits with 5 and the last reason', async () => {
    const { directory, open } = await serve()
    await open()
    const { code, stdout, stderr } = await run([
      'wait',
      '--for',
      'members:3',
      '--timeout',
      '4500ms',
      '--state-dir',
      directory
    ])
    expect([code, stdout]).toEqual([5, ''])
    const missing = '1 of 3 members are here, this node included'
    expect(stderr.split('\n').slice(0, 4)).toEqual([
      `mesh-node: ${missing} … 2 s of 5 s`,
      `mesh-node: ${missing} … 4 s of 5 s`,
      `mesh-node: members:3 did not come true in 5 s: ${missing}.`,
      '  layer: tunnel (TIMEOUT)'
    ])
  })

  it('outlasts a node that is started later', async () => {
    const { directory, open } = await serve()
    const child = start(['wait', '--for', 'members:1', '--state-dir', directory])
    const end = ended(child)
    child.stderr.once('data', () => void open())
    expect(await end).toMatchObject({ code: 0, stderr: expect.stringContaining('No node') })
  })

  it.each([
    [['wait'], 2],
    [['wait', '--for', 'members:0'], 2],
    [['wait', '--for', 'nothing'], 2],
    [['wait', '--for', 'service:\u001B[2J'], 2]
  ])('%j is a mistake that no waiting mends', async (words, code) => {
    const { node, directory, open } = await serve()
    await open()
    node.why.mockRejectedValue(new MeshError('TARGET_INVALID', 'no target: \u001B[2J'))
    const ending = await run([...words, '--state-dir', directory])
    expect(ending.code).toBe(code)
    expect(ending.stderr).not.toContain('\u001B')
  })

  it('reads its conditions', () => {
    expect(parseCondition('capability:a/b')).toEqual({ kind: 'capability', capability: 'a/b' })
    expect(parseCondition('service:cap:a/b')).toEqual({ kind: 'service', target: 'cap:a/b' })
    expect(parseCondition('members:1000000')).toEqual({ kind: 'members', count: 1_000_000 })
    expect(() => parseCondition('members:1000001')).toThrow('members:<number>')
  })
})
