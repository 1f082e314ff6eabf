/**
 * `doctor --mtu` asks by `ping` where the host answers it, by UDP where it does not, and says which. Either finds the size of a
 * path to the byte.
 */
import { afterEach, expect, test, vi } from 'vitest'
import { whyNoLab, type Faults } from '@agent-mesh/testkit/lab'
import type { MtuResponse } from '@agent-mesh/wire/api'
import { Scene, untilPath } from './harness/scene.ts'

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const labTest = test.skipIf(reason !== undefined)
const timeoutMs = 180_000
const largest = 1_280

let scene: Scene | undefined
afterEach(async () => scene?.end())

/** What the doctor finds between two members once the cable of one of them is spoiled. */
const spoiled = async (faults: Faults): Promise<MtuResponse> => {
  scene = new Scene(true)
  const { lab, network } = scene
  const alice = await network.up('alice', lab.addHost('alice', '5.5.5.1'))
  const bob = await network.up('bob', lab.addHost('bob', '5.5.5.2'), { bootstrap: [alice] })
  await untilPath(bob, alice, ['direct'])
  await vi.waitFor(async () => expect((await bob.peer(alice))?.underlay).toMatchObject({ udp: 'works' }), {
    timeout: 60_000,
    interval: 200
  })
  alice.host.site.spoil(faults)
  const found = await bob.client.mtu({ target: alice.peerId })
  console.log(JSON.stringify(found.mtu), found.overheads[0]?.reason)
  return found
}

labTest(
  `where no ping is answered, UDP finds it, and why is said${why}`,
  async () => {
    const { mtu } = await spoiled({ blocked: ['icmp'], largestBytes: largest })
    expect(mtu).toMatchObject({ out: largest, back: largest, isBlackHole: true })
    expect(mtu?.method).toMatch(/^UDP datagrams .*, since 5\.5\.5\.1 answers no ping$/)
  },
  timeoutMs
)

labTest(
  `where no UDP passes, ping finds it, and bytes that would stand still are not sent${why}`,
  async () => {
    const { mtu, overheads } = await spoiled({ blocked: ['udp'], largestBytes: largest })
    expect(mtu).toMatchObject({ out: largest, back: largest, isBlackHole: true })
    expect(mtu?.method).toBe('ping -M do, both ways at once')
    // By then the connection may have ended: members say things to each other that are longer than that, too.
    for (const { writes, reason: missing } of overheads) {
      expect(writes.filter(({ payloadBytes }) => payloadBytes > 64)).toEqual([])
      expect(missing).toMatch(/65536 bytes: large packets vanish/)
    }
  },
  timeoutMs
)
