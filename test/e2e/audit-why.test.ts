import { createInterface } from 'node:readline'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { auditEntries, whyResponse, type AuditEntry } from '@agent-mesh/wire/api'
import { onCleanup } from './harness/cleanup.ts'
import { meshNodeBin, start } from './harness/command.ts'
import { createMesh, type Mesh } from './harness/mesh.ts'
import { echoBytes, startTcpOrigin, type TcpOrigin } from './harness/origins/tcp-origin.ts'

let mesh: Mesh<'alice' | 'bob' | 'carol'>
let origin: TcpOrigin

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  origin = await startTcpOrigin('alice', echoBytes)
  await mesh.alice.run(['serve', `web=tcp://127.0.0.1:${origin.port}`, '--allow', 'bob'])
})

const query = async (...args: string[]): Promise<AuditEntry[]> =>
  (await mesh.alice.json(auditEntries, ['audit', 'query', ...args])).entries

describe('the audit log', () => {
  it('tells who opened what by which rule, how much it was, and who was denied', async () => {
    const stateDir = mesh.alice.stateDir
    const tail = start(process.execPath, [meshNodeBin, 'audit', 'tail', '-f', '--kind', 'deny', '--json'], { stateDir })
    onCleanup(() => {
      tail.kill('SIGKILL')
    })
    const followed: string[] = []
    if (tail.stdout !== null) createInterface({ input: tail.stdout }).on('line', (line) => followed.push(line))

    expect((await mesh.bob.run(['nc', 'alice', 'web'], { input: 'hello' })).stdout).toBe('hello')
    const { code } = await mesh.carol.run(['nc', 'alice', 'web'], { input: 'hello' })
    expect(code).toBe(3)
    await vi.waitFor(async () => expect(await query('--kind', 'deny')).toHaveLength(1), 5_000)
    const from = { node: mesh.alice.peerId, service: 'web' }
    expect(await query('--service', 'web')).toEqual([
      expect.objectContaining({
        ...from,
        kind: 'open',
        peer: mesh.bob.peerId,
        name: 'bob',
        rule: 'serve --allow: bob'
      }),
      expect.objectContaining({ ...from, kind: 'close', name: 'bob', bytesIn: 5, bytesOut: 5 }),
      expect.objectContaining({
        ...from,
        kind: 'deny',
        peer: mesh.carol.peerId,
        name: 'carol',
        layer: 'allow',
        rule: 'serve --allow names only bob',
        code: 'DENIED',
        bytesIn: 0,
        bytesOut: 0
      })
    ])
    expect(new Set((await query('--kind', 'admit')).map(({ name }) => name))).toEqual(new Set(['bob', 'carol']))
    expect(await query('--since', '1h', '--until', '30m')).toEqual([])
    expect(origin.receivedBytes).toBe(5)
    // A follower that began after the denial shows it among the last entries.
    await vi.waitFor(() => expect(followed).toHaveLength(1), 5_000)
    expect(JSON.parse(followed[0] ?? '')).toMatchObject({ kind: 'deny', name: 'carol' })
    expect((await stat(join(stateDir, 'audit', 'audit.jsonl'))).mode & 0o777).toBe(0o600)
  })

  it('refuses a question that it does not understand', async () => {
    for (const args of [
      ['--kind', 'nonsense'],
      ['--since', 'yesterday']
    ])
      expect((await mesh.alice.run(['audit', 'query', ...args])).code).toBe(2)
  })
})

describe('why', () => {
  it('says that all is well, and exits with 0', async () => {
    const { code, stdout } = await mesh.bob.run(['why', 'alice/web'])
    expect(code, stdout).toBe(0)
    expect(stdout).toContain('alice/web can be used.')
    expect(stdout).toMatch(/^✓ upstream /m)
  })

  it('names the rule first, with what mends it, and exits as the call does', async () => {
    const { code, stdout } = await mesh.carol.run(['why', 'alice/web'])
    expect(code).toBe(3)
    const [first, next] = stdout.split('\n')
    expect(first).toContain('alice/web fails at allow (DENIED)')
    expect(first).toContain('serve --allow names only bob')
    expect(next).toBe('  next: mesh-node why alice/web --from carol, on the node of alice')
    expect(stdout).toMatch(/^✗ allow /m)
    expect(stdout).toMatch(/^- upstream +not reached$/m)
    const there = await mesh.alice.run(['why', 'alice/web', '--from', 'carol'])
    expect(there.code).toBe(3)
    expect(there.stdout).toContain('fails at allow (DENIED)')
  })

  it('names the addresses of an agent that was killed, each with its outcome', async () => {
    await mesh.bob.kill()
    await vi.waitFor(
      async () => {
        const { code, stdout } = await mesh.alice.run(['why', `${mesh.bob.peerId}/web`, '--json'])
        expect(code).toBe(4)
        const { failed } = whyResponse.parse(JSON.parse(stdout))
        expect(failed).toMatchObject({ layer: 'addresses', code: 'UNREACHABLE' })
        expect(failed?.details?.['addresses']).toEqual([expect.stringContaining(mesh.bob.peerId)])
      },
      { timeout: 20_000, interval: 300 }
    )
  })
})

describe('the audit log of a node that does not run', () => {
  it('is read all the same, and ends with the last tunnel', async () => {
    await mesh.alice.stop()
    expect((await query('--service', 'web', '--kind', 'close')).length).toBeGreaterThan(0)
    const { stdout } = await mesh.alice.run(['audit', 'tail', '-n', '3'])
    expect(stdout.trimEnd().split('\n')).toHaveLength(4)
  })
})
