/**
 * A path on which small packets pass and large ones vanish: its size is named to the byte by `doctor --mtu`, and `status`
 * warns from then on. Other paths are not called so. A node finds it by itself when a transfer stands still.
 */
import { expect, test, vi } from 'vitest'
import { whyNoLab } from '@agent-mesh/testkit/lab'
import { run } from '../e2e/harness/command.ts'
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

const warned = expect.stringMatching(/The path to bob swallows packets: those of more than 1280 bytes/)

const startThree = async (): Promise<[LabNode, LabNode, LabNode]> => {
  const [, alice, bob, carol] = await startNodes(['hub', 'alice', 'bob', 'carol'])
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three members')
  return [alice, bob, carol]
}

/** A tunnel between them, until packets and echoes pass. */
const inUse = async (alice: LabNode, bob: LabNode): Promise<Awaited<ReturnType<typeof holdTunnel>>> => {
  const tunnel = await holdTunnel(alice, bob)
  await vi.waitFor(
    async () => {
      const peer = (await alice.client.peers()).find(({ peerId }) => peerId === bob.peerId)
      expect(peer?.underlay).toMatchObject({ udp: 'works' })
      expect(peer?.tcp?.segments).toBeGreaterThan(0)
    },
    { timeout: 20_000, interval: 200 }
  )
  return tunnel
}

/** Those of black holes; others, that a record is not stored yet for example, come and go. */
const warningsOf = async ({ client }: LabNode): Promise<string[]> =>
  (await client.status()).warnings.map(({ message }) => message).filter((message) => message.includes('swallows'))

labTest(
  `a black hole is named to the byte by the doctor, and status warns${why}`,
  async () => {
    const [alice, bob, carol] = await startThree()
    await inUse(alice, bob)
    expect(await warningsOf(alice)).toEqual([])
    await dropFrom(bob.host, alice.host, `ip length > ${largest} drop`)
    const hole = await mtuOf(alice, bob)
    expect(hole.found).toMatchObject({ name: 'bob', mtu: { out: largest, linkMtu: 1_500, isBlackHole: true } })
    expect(hole.found).toMatchObject({
      mtu: { method: expect.stringMatching(/^ping -M do \(1280 bytes both ways\), and each way/) }
    })
    expect(hole.code).toBe(1)
    expect(await warningsOf(alice)).toContainEqual(warned)
    const sound = await mtuOf(alice, carol)
    expect(sound.found).toMatchObject({ name: 'carol', mtu: { out: 1_500, back: 1_500, isBlackHole: false } })
    expect(sound.code).toBe(0)
    expect(await warningsOf(carol)).toEqual([])
  },
  240_000
)

labTest(`a black hole is found by the node when a transfer stalls${why}`, async () => {
  const [alice, bob] = await startThree()
  const tunnel = await inUse(alice, bob)
  await dropFrom(bob.host, alice.host, `ip length > ${largest} drop`)
  const startedMs = performance.now()
  tunnel.write(Buffer.alloc(256 * 1_024))
  await vi.waitFor(async () => expect(await warningsOf(alice)).toContainEqual(warned), {
    timeout: 40_000,
    interval: 500
  })
  console.log(`found by the node ${((performance.now() - startedMs) / 1_000).toFixed(1)} s after the transfer began`)
})

labTest(
  `what the doctor says to set on a path with a black hole makes a transfer pass${why}`,
  async () => {
    const [alice, bob] = await startThree()
    const tunnel = await inUse(alice, bob)
    await dropFrom(bob.host, alice.host, `ip length > ${largest} drop`)
    const { stdout } = await alice.meshNode('doctor', '--mtu', bob.name)
    console.log(stdout)
    const words = /ip (route replace \S+ .*mtu lock \d+) /.exec(stdout)?.[1]?.split(' ') ?? []
    expect(words).toEqual(['route', 'replace', '5.5.5.3/32', 'dev', 'outer', 'mtu', 'lock', '1280'])
    const { code, stderr } = await run(...alice.host.command('ip', ...words))
    expect([code, stderr]).toEqual([0, ''])
    let echoed = 0
    tunnel.on('data', (bytes: Buffer) => (echoed += bytes.length))
    tunnel.write(Buffer.alloc(256 * 1_024))
    await vi.waitFor(() => expect(echoed).toBe(256 * 1_024), { timeout: 90_000, interval: 200 })
  },
  240_000
)
