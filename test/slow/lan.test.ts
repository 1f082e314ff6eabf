import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { createMesh, type MeshMember } from '@agent-mesh/testkit'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { buildLan, cannot, gateway, lanA, lanB, outside, startIn, up } from './lan-network.ts'

const why = cannot === undefined ? '' : ` [${cannot}]`
const everywhere = ['--listen', '/ip4/0.0.0.0/tcp/0']

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
    buildLan()
  })

  test('its members find each other without an address, and are dialled from outside by a port of the gateway', async () => {
    const router = startIn(gateway, [
      process.execPath,
      join(import.meta.dirname, 'lan-gateway.ts'),
      '192.168.77.1',
      '5.5.5.1'
    ])
    if (router.stdout === null) throw new Error('the router says nothing')
    const ports: string[] = []
    createInterface({ input: router.stdout }).on('line', (line) => ports.push(line))
    await vi.waitFor(() => expect(ports).toContain('ready'), 10_000)

    // What they remember of each other are ports of 127.0.0.1, where nobody of another namespace is.
    const first = (await up(lanA, alice, ...everywhere)).client
    const inLan = [first, (await up(lanB, bob, ...everywhere)).client]
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
    const { client } = await up(outside, carol, ...everywhere, '--bootstrap', `${address}/p2p/${aliceId}`)
    await vi.waitFor(async () => {
      expect(await client.peers()).toContainEqual(
        expect.objectContaining({ peerId: aliceId, state: 'connected', path: 'direct' })
      )
    }, 20_000)
  })
})
