/**
 * Packets that are lost between two hosts are named by the nodes on both within a minute, the direction with them, and no
 * other path is blamed. Four nodes with public addresses, a tunnel between each two of three.
 */
import { expect, test, vi } from 'vitest'
import { whyNoLab } from '@agent-mesh/testkit/lab'
import { dropFrom, holdTunnel, startNodes, type LabNode } from './harness.ts'

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const labTest = test.skipIf(reason !== undefined)

/** Links that a node calls lossy, as `alice>bob` in the direction of the packets. */
const blamed = async (nodes: LabNode[]): Promise<string[]> => {
  const found = await Promise.all(
    nodes.map(async ({ name, client }) =>
      (await client.peers()).flatMap((peer) => [
        ...(peer.underlay?.out?.isLossy === true ? [`${name}: ${name}>${peer.name}`] : []),
        ...(peer.underlay?.in?.isLossy === true ? [`${name}: ${peer.name}>${name}`] : [])
      ])
    )
  )
  return found.flat().toSorted()
}

/** Waits for both ends to say so, and looks all the time that nobody says anything else. */
const untilBlamed = async (nodes: LabNode[], expected: string[]): Promise<number> => {
  const startedMs = performance.now()
  await vi.waitFor(
    async () => {
      const found = await blamed(nodes)
      const wrong = found.filter((one) => !expected.includes(one))
      if (wrong.length > 0) throw new Error(`blamed without reason: ${wrong.join(', ')}`)
      expect(found).toEqual(expected.toSorted())
    },
    { timeout: 60_000, interval: 500 }
  )
  return performance.now() - startedMs
}

const works = async ({ client }: LabNode, ...others: LabNode[]): Promise<void> =>
  vi.waitFor(
    async () => {
      const peers = await client.peers()
      for (const { peerId } of others)
        expect(peers.find((one) => one.peerId === peerId)?.underlay).toMatchObject({ udp: 'works' })
    },
    { timeout: 20_000, interval: 300 }
  )

for (const [kind, isBothWays] of [
  ['2 % both ways', true],
  ['2 % one way', false]
] as const)
  labTest(`${kind} between two of four hosts is named on both, and nothing else is${why}`, async () => {
    const nodes = await startNodes(['hub', 'alice', 'bob', 'carol'])
    const [, alice, bob, carol] = nodes
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three members')
    await holdTunnel(alice, bob)
    await holdTunnel(alice, carol)
    await holdTunnel(carol, bob)
    await works(alice, bob, carol)
    await works(bob, alice, carol)
    const rule = 'numgen random mod 1000 < 20 drop'
    await dropFrom(bob.host, alice.host, rule)
    if (isBothWays) await dropFrom(alice.host, bob.host, rule)
    const there = ['alice: alice>bob', 'bob: alice>bob']
    const back = isBothWays ? ['alice: bob>alice', 'bob: bob>alice'] : []
    const tookMs = await untilBlamed(nodes, [...there, ...back])
    const { underlay } = (await alice.client.peers()).find(({ peerId }) => peerId === bob.peerId) ?? {}
    console.log(`${kind}: named after ${(tookMs / 1_000).toFixed(1)} s; alice says ${JSON.stringify(underlay)}`)
    const text = isBothWays
      ? /^The path to bob is bad: .*to it and .*from it are lost\.$/
      : /to it are lost, one way alone\.$/
    await vi.waitFor(
      async () => {
        const { warnings } = await alice.client.status()
        expect(warnings.map(({ message }) => message)).toContainEqual(expect.stringMatching(text))
      },
      { timeout: 20_000, interval: 500 }
    )
  })
