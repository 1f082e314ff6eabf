import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { once } from 'node:events'
import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { createMesh, type MeshMember } from '@agent-mesh/testkit'
import { createClient, type Client } from '@agent-mesh/client'
import { meshNodeBin, start } from '../e2e/harness/command.ts'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { untilReady } from '../e2e/harness/mesh-process.ts'

/** Network namespaces of this run alone: alice and bob on one LAN behind a gateway, carol outside. */
const tag = `lan${process.pid}`
const named = (one: string): string => `${tag}${one}`
const [gateway, lanA, lanB, outside] = [named('g'), named('a'), named('b'), named('o')]

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

const cannot = ((): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  try {
    ip('netns', 'add', `${tag}x`)
    ip('netns', 'del', `${tag}x`)
    return undefined
  } catch {
    return 'network namespaces are not to be had here'
  }
})()
const why = cannot === undefined ? '' : ` [${cannot}]`

/** Joins two namespaces by a pair of interfaces of the given names. */
const veth = (a: string, nameA: string, b: string, nameB: string): void =>
  ip('link', 'add', nameA, 'netns', a, 'type', 'veth', 'peer', 'name', nameB, 'netns', b)

const inside = (namespace: string, ...args: string[]): void => ip('-n', namespace, ...args)

const build = (): void => {
  for (const namespace of [gateway, lanA, lanB, outside]) {
    ip('netns', 'add', namespace)
    onCleanup(() => ip('netns', 'del', namespace))
    inside(namespace, 'link', 'set', 'lo', 'up')
  }
  inside(gateway, 'link', 'add', 'br0', 'type', 'bridge')
  inside(gateway, 'addr', 'add', '192.168.77.1/24', 'dev', 'br0')
  inside(gateway, 'link', 'set', 'br0', 'up')
  for (const [at, namespace] of [lanA, lanB].entries()) {
    veth(gateway, `p${at}`, namespace, 'eth0')
    inside(gateway, 'link', 'set', `p${at}`, 'master', 'br0', 'up')
    inside(namespace, 'addr', 'add', `192.168.77.${at + 10}/24`, 'dev', 'eth0')
    inside(namespace, 'link', 'set', 'eth0', 'up')
    inside(namespace, 'route', 'add', 'default', 'via', '192.168.77.1')
  }
  veth(gateway, 'out', outside, 'eth0')
  inside(gateway, 'addr', 'add', '5.5.5.1/24', 'dev', 'out')
  inside(gateway, 'link', 'set', 'out', 'up')
  inside(outside, 'addr', 'add', '5.5.5.2/24', 'dev', 'eth0')
  inside(outside, 'link', 'set', 'eth0', 'up')
}

const startIn = (namespace: string, args: string[], options: Parameters<typeof start>[2] = {}) =>
  start('ip', ['netns', 'exec', namespace, process.execPath, ...args], options)

const up = async (namespace: string, member: MeshMember, ...args: string[]): Promise<Client> => {
  const child = startIn(namespace, [meshNodeBin, 'up', '--json', '--listen', '/ip4/0.0.0.0/tcp/0', ...args], {
    stateDir: member.directory.path
  })
  const { api } = await untilReady(child)
  const ended = once(child, 'close')
  onCleanup(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return createClient({ socketPath: api })
}

describe.skipIf(cannot !== undefined)(`a local network behind a gateway${why}`, () => {
  let alice: MeshMember
  let bob: MeshMember
  let carol: MeshMember

  beforeAll(async () => {
    const mesh = await createMesh(['alice', 'bob', 'carol'])
    onCleanup(async () => mesh.close())
    const [a, b, c] = mesh.members
    if (a === undefined || b === undefined || c === undefined) throw new Error('three members')
    ;[alice, bob, carol] = [a, b, c]
    for (const member of mesh.members) await member.stop()
    build()
  })

  test('its members find each other without an address, and are dialled from outside by a port of the gateway', async () => {
    const router = startIn(gateway, [join(import.meta.dirname, 'lan-gateway.ts'), '192.168.77.1', '5.5.5.1'])
    if (router.stdout === null) throw new Error('the router says nothing')
    const ports: string[] = []
    createInterface({ input: router.stdout }).on('line', (line) => ports.push(line))
    await vi.waitFor(() => expect(ports).toContain('ready'), 10_000)

    // What they remember of each other are ports of 127.0.0.1, where nobody of another namespace is.
    const first = await up(lanA, alice)
    const inLan = [first, await up(lanB, bob)]
    await vi.waitFor(async () => {
      for (const client of inLan) {
        const peers = await client.peers()
        expect(peers.filter(({ state }) => state === 'connected')).toMatchObject([{ path: 'local' }])
      }
    }, 30_000)

    const mapped = await vi.waitFor(() => {
      const line = ports.find((one) => one.endsWith(`192.168.77.10:${one.split(':')[1]}`))
      if (line === undefined) throw new Error('alice has no port of the gateway yet')
      return Number(line.split(' ')[0])
    }, 10_000)
    const address = `/ip4/5.5.5.1/tcp/${mapped}`
    const { addresses } = await first.status()
    expect(addresses.some((one) => one.startsWith(`${address}/p2p/`))).toBe(true)
    const aliceId = alice.node.ready.peerId
    const client = await up(outside, carol, '--bootstrap', `${address}/p2p/${aliceId}`)
    await vi.waitFor(async () => {
      expect(await client.peers()).toContainEqual(
        expect.objectContaining({ peerId: aliceId, state: 'connected', path: 'direct' })
      )
    }, 20_000)
  })
})
