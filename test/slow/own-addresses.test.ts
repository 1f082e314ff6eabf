import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { createMesh } from '@agent-mesh/testkit'
import { createClient, type Client } from '@agent-mesh/client'
import { meshNodeBin, start } from '../e2e/harness/command.ts'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

const namespace = `own${process.pid}`
const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

const cannot = ((): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  try {
    ip('netns', 'add', namespace)
    ip('netns', 'del', namespace)
    return undefined
  } catch {
    return 'network namespaces are not to be had here'
  }
})()
const why = cannot === undefined ? '' : ` [${cannot}]`

const inside = (...args: string[]): void => ip('-n', namespace, ...args)

/** Hosts of the addresses that a node tells others, by what it says itself. */
const toldHosts = async (client: Client): Promise<string[]> =>
  (await client.status()).addresses.map((address) => address.split('/')[2] ?? '')

describe.skipIf(cannot !== undefined)(`a machine with a public address${why}`, () => {
  test('tells others that address though nobody dialled it back, and another one when it has moved', async () => {
    ip('netns', 'add', namespace)
    onCleanup(() => ip('netns', 'del', namespace))
    inside('link', 'set', 'lo', 'up')
    inside('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'cable')
    inside('addr', 'add', '5.5.5.5/24', 'dev', 'eth0')
    for (const end of ['cable', 'eth0']) inside('link', 'set', end, 'up')

    const mesh = await createMesh(['alice'])
    onCleanup(async () => mesh.close())
    const [alice] = mesh.members
    if (alice === undefined) throw new Error('a mesh has its founder')
    await alice.stop()
    const command = [process.execPath, meshNodeBin, 'up', '--json', '--listen', '/ip4/0.0.0.0/tcp/0']
    const child = start('ip', ['netns', 'exec', namespace, ...command], { stateDir: alice.directory.path })
    const ended = once(child, 'close')
    onCleanup(async () => {
      child.kill('SIGTERM')
      await ended
    })
    const client = createClient({ socketPath: (await untilReady(child)).api })
    expect(await toldHosts(client)).toContain('5.5.5.5')

    inside('addr', 'del', '5.5.5.5/24', 'dev', 'eth0')
    inside('addr', 'add', '5.5.6.6/24', 'dev', 'eth0')
    await vi.waitFor(async () => expect(await toldHosts(client)).toContain('5.5.6.6'), {
      timeout: 15_000,
      interval: 200
    })
    expect(await toldHosts(client)).not.toContain('5.5.5.5')
  })
})
