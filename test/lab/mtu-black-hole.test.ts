/**
 * A path on which small packets pass and large ones vanish is found by the node itself when a transfer stands still on it,
 * said by `status`, and its size is named to the byte by `doctor --mtu`. Other paths are not called so.
 */
import { expect, test, vi } from 'vitest'
import { whyNoLab } from '@agent-mesh/testkit/lab'
import { dropFrom, holdTunnel, startNodes, type LabNode } from './harness.ts'

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const labTest = test.skipIf(reason !== undefined)
const largest = 1_280

const mtuOf = async (from: LabNode, to: LabNode): Promise<{ code: number | null; found: unknown }> => {
  const { stdout, stderr, code } = await from.meshNode('doctor', '--mtu', to.name, '--json')
  if (stdout === '') throw new Error(stderr)
  return { code, found: JSON.parse(stdout) }
}

labTest(`a black hole is found by the node when a transfer stalls, and named by the doctor${why}`, async () => {
  const [, alice, bob, carol] = await startNodes(['hub', 'alice', 'bob', 'carol'])
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three members')
  const tunnel = await holdTunnel(alice, bob)
  await vi.waitFor(
    async () => {
      const peer = (await alice.client.peers()).find(({ peerId }) => peerId === bob.peerId)
      expect(peer?.underlay).toMatchObject({ udp: 'works' })
      expect(peer?.tcp?.segments).toBeGreaterThan(0)
    },
    { timeout: 20_000, interval: 200 }
  )
  await dropFrom(bob.host, alice.host, `ip length > ${largest} drop`)
  const startedMs = performance.now()
  tunnel.write(Buffer.alloc(256 * 1_024))
  await vi.waitFor(
    async () => {
      const { warnings } = await alice.client.status()
      expect(warnings.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/The path to bob swallows packets: those of more than 1280 bytes/)
      )
    },
    { timeout: 40_000, interval: 500 }
  )
  console.log(`found by the node ${((performance.now() - startedMs) / 1_000).toFixed(1)} s after the transfer began`)
  const hole = await mtuOf(alice, bob)
  expect(hole.found).toMatchObject({ name: 'bob', mtu: { out: largest, linkMtu: 1_500, isBlackHole: true } })
  expect(hole.code).toBe(1)
  const sound = await mtuOf(alice, carol)
  expect(sound.found).toMatchObject({ name: 'carol', mtu: { out: 1_500, back: 1_500, isBlackHole: false } })
  expect(sound.code).toBe(0)
  const { warnings } = await carol.client.status()
  expect(warnings.filter(({ message }) => message.includes('swallows'))).toEqual([])
})
