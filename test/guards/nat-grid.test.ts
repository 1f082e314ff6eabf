/**
 * Two members behind NATs reach each other within ten seconds, whatever the NATs are, and in the end directly or through holes
 * that they punch, except where both ports are new for every destination or one is and the other lets nobody else in: those
 * are relayed. Real processes behind routers of the kernel, TCP alone. The short form has four kinds of pairs, the whole one
 * sixteen.
 */
import { once } from 'node:events'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { createMesh, type MeshMember } from '@agent-mesh/testkit'
import { createClient, type Client } from '@agent-mesh/client'
import { meshNodeBin, start } from '../e2e/harness/command.ts'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'
import { inForm } from './harness/form.ts'
import { Namespaces, whyNot, type Nat } from '../../packages/transport-tcp-punch/test/harness/namespaces.ts'

const cannot = whyNot()
const why = cannot === undefined ? '' : ` [${cannot}]`

interface Running {
  client: Client
  peerId: string
  addresses: string[]
}

/** What a cell has made, undone before the next one; what a cut run leaves is undone at its end. */
const undo: Array<() => unknown> = []
const undoAll = async (): Promise<void> => {
  for (const one of undo.splice(0).toReversed()) await one()
}
onCleanup(undoAll)

const up = async (member: MeshMember, namespace: string, bootstrap: string[]): Promise<Running> => {
  const flags = bootstrap.flatMap((address) => ['--bootstrap', address])
  const command = [process.execPath, meshNodeBin, 'up', '--json', '--listen', '/ip4/0.0.0.0/tcp/0', ...flags]
  const child = start('ip', ['netns', 'exec', namespace, ...command], { stateDir: member.directory.path })
  const ended = once(child, 'close')
  undo.push(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const { api, peerId, addresses } = await untilReady(child)
  return { client: createClient({ socketPath: api }), peerId, addresses }
}

const publicOf = ({ addresses }: Running): string[] => addresses.filter((one) => one.startsWith('/ip4/5.5.5.'))

/** Two members that everybody can dial, and two behind NATs of the given kinds. */
const between = async (natOfAlice: Nat, natOfBob: Nat): Promise<{ alice: Running; bob: Running }> => {
  const mesh = await createMesh(['hub', 'other', 'alice', 'bob'])
  undo.push(async () => mesh.close())
  for (const member of mesh.members) await member.stop()
  const lab = new Namespaces()
  undo.push(() => lab.close())
  const memberOf = (name: string): MeshMember => {
    const member = mesh.members.find((one) => one.name === name)
    if (member === undefined) throw new Error(`there is no ${name}`)
    return member
  }
  const hub = await up(memberOf('hub'), lab.addHost('hub', '5.5.5.1'), [])
  const other = await up(memberOf('other'), lab.addHost('other', '5.5.5.2'), publicOf(hub))
  const known = [...publicOf(hub), ...publicOf(other)]
  const alice = await up(memberOf('alice'), lab.addHost('alice', '5.5.5.3', natOfAlice), known)
  const bob = await up(memberOf('bob'), lab.addHost('bob', '5.5.5.4', natOfBob), known)
  return { alice, bob }
}

/** How alice reaches bob, and after how many milliseconds. */
const reached = async (alice: Running, bob: Running, paths: readonly string[], withinMs: number): Promise<number> => {
  const startedMs = performance.now()
  await vi.waitFor(
    async () => {
      const { path } = await alice.client.dial({ target: bob.peerId, timeoutMs: 5_000 })
      expect(paths).toContain(path)
    },
    { timeout: withinMs, interval: 250 }
  )
  return performance.now() - startedMs
}

const kinds: readonly Nat[] = ['none', 'full-cone', 'port-restricted', 'symmetric']
const grid = inForm({
  short: [
    ['none', 'symmetric'],
    ['full-cone', 'symmetric'],
    ['port-restricted', 'port-restricted'],
    ['symmetric', 'symmetric']
  ] as const,
  full: kinds.flatMap((one) => kinds.map((other) => [one, other] as const))
})

const isRelayedOnly = (one: Nat, other: Nat): boolean =>
  (one === 'symmetric' && other !== 'none' && other !== 'full-cone') ||
  (other === 'symmetric' && one === 'port-restricted')

describe.skipIf(cannot !== undefined)(`members behind NATs${why}`, () => {
  const table: string[] = []
  afterEach(undoAll, 60_000)
  afterAll(() => console.log(table.join('\n')))

  test.each(grid)('%s × %s', async (one, other) => {
    const { alice, bob } = await between(one, other)
    const best = isRelayedOnly(one, other) ? ['relayed'] : ['direct', 'punched']
    const anyMs = await reached(alice, bob, ['direct', 'punched', 'webrtc', 'relayed'], 10_000)
    const bestMs = anyMs + (await reached(alice, bob, best, 30_000))
    const [peer] = (await alice.client.peers()).filter(({ peerId }) => peerId === bob.peerId)
    const times = `reached after ${anyMs.toFixed(0)} ms, so after ${bestMs.toFixed(0)} ms`
    table.push(`${one.padEnd(16)} × ${other.padEnd(16)} ${(peer?.path ?? 'none').padEnd(8)} ${times}`)
    expect(best).toContain(peer?.path)
  })
})
