import { expect, onTestFinished, test, vi } from 'vitest'
import { createLab, whyNot, type Lab, type LabAbility, type LabHost } from '@agent-mesh/testkit/lab'
import { probe, type Probe } from './harness/probe.ts'

const labTest = (name: string, abilities: LabAbility[], body: (lab: Lab) => Promise<void>): void => {
  const reason = whyNot(...abilities)
  test.skipIf(reason !== undefined)(`${name}${reason === undefined ? '' : ` [${reason}]`}`, async () => {
    const lab = createLab()
    onTestFinished(lab.close)
    await body(lab)
  })
}

const probed = async (host: LabHost): Promise<Probe> => {
  const one = await probe(host)
  onTestFinished(one.stop)
  return one
}

/** Two hosts, each with a probe. */
const pair = async (lab: Lab) => {
  const alice = lab.addHost('alice', '5.5.5.1')
  const bob = lab.addHost('bob', '5.5.5.2')
  return { alice, bob, fromAlice: await probed(alice), fromBob: await probed(bob) }
}

/** @returns how many of so many datagrams came */
const arrived = async (from: Probe, to: Probe, address: string, count: number, bytes?: number): Promise<number> => {
  const before = await to.heard()
  await from.send(address, count, bytes)
  let last = -1
  await vi.waitFor(
    async () => {
      const seen = await to.heard()
      const isStill = seen === last
      last = seen
      expect(isStill).toBe(true)
    },
    { timeout: 5_000, interval: 200 }
  )
  return last - before
}

labTest('packets are lost one way, in the share that was asked for', ['faults'], async (lab) => {
  const { bob, fromAlice, fromBob } = await pair(lab)
  bob.site.spoil({ lossIn: 0.2 })
  expect(await arrived(fromBob, fromAlice, '5.5.5.1', 1_000)).toBe(1_000)
  const came = await arrived(fromAlice, fromBob, '5.5.5.2', 1_000)
  // 800 on average; six standard deviations are 76
  expect(came).toBeGreaterThan(724)
  expect(came).toBeLessThan(876)
  bob.site.spoil({})
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 1_000)).toBe(1_000)
})

labTest('one protocol is blocked while the other passes', ['faults'], async (lab) => {
  const { alice, fromAlice, fromBob } = await pair(lab)
  alice.site.spoil({ blocked: ['udp'] })
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10)).toBe(0)
  expect((await fromAlice.carry('5.5.5.2', 100_000)).isThrough).toBe(true)
  alice.site.spoil({ blocked: ['tcp'] })
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10)).toBe(10)
  expect((await fromAlice.carry('5.5.5.2', 1_000)).isThrough).toBe(false)
})

labTest('large packets vanish while small ones pass, those of TCP too', ['faults'], async (lab) => {
  const { bob, fromAlice, fromBob } = await pair(lab)
  bob.site.spoil({ largestBytes: 1_280 })
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10, 1_252)).toBe(10)
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10, 1_253)).toBe(0)
  expect((await fromAlice.carry('5.5.5.2', 1_000)).isThrough).toBe(true)
  expect((await fromAlice.carry('5.5.5.2', 100_000)).isThrough).toBe(false)
})

labTest('a small MTU that its host knows carries everything', [], async (lab) => {
  const { bob, fromAlice } = await pair(lab)
  const inside = lab.addHost('carol', '5.5.5.3', 'port-restricted')
  inside.site.setMtu(1_400)
  bob.site.setMtu(1_280)
  expect((await fromAlice.carry('5.5.5.2', 1_000_000, 10_000)).isThrough).toBe(true)
  expect((await (await probed(inside)).carry('5.5.5.2', 1_000_000, 10_000)).isThrough).toBe(true)
})

labTest('a slow cable takes its time', ['rate'], async (lab) => {
  const { bob, fromAlice } = await pair(lab)
  bob.site.limit(1_000_000)
  const slow = await fromAlice.carry('5.5.5.2', 250_000, 10_000)
  expect(slow.isThrough).toBe(true)
  // two seconds, less what fits into the bucket of 32 kB
  expect(slow.elapsedMs).toBeGreaterThan(1_600)
  bob.site.limit(undefined)
  expect((await fromAlice.carry('5.5.5.2', 250_000, 10_000)).elapsedMs).toBeLessThan(slow.elapsedMs)
})

labTest('groups are divided, or one way is, until it is healed', ['walls'], async (lab) => {
  const { alice, bob, fromAlice, fromBob } = await pair(lab)
  const carol = lab.addHost('carol', '5.5.5.3', 'full-cone')
  const fromCarol = await probed(carol)
  lab.divide([alice], [bob, carol])
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10)).toBe(0)
  expect(await arrived(fromAlice, fromCarol, '5.5.5.3', 10)).toBe(0)
  expect(await arrived(fromBob, fromAlice, '5.5.5.1', 10)).toBe(0)
  expect(await arrived(fromBob, fromCarol, '5.5.5.3', 10)).toBe(10)
  lab.heal()
  lab.swallow(alice, bob)
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10)).toBe(0)
  expect(await arrived(fromBob, fromAlice, '5.5.5.1', 10)).toBe(10)
})

labTest('hosts and NATs move to other addresses', [], async (lab) => {
  const { bob, fromAlice, fromBob } = await pair(lab)
  const site = lab.addSite('home', '5.5.5.3', 'full-cone')
  const carol = await probed(site.addHost('carol'))
  const dave = site.addHost('dave')
  const fromDave = await probed(dave)
  bob.site.moveTo('5.77.1.1')
  expect(await arrived(fromAlice, fromBob, '5.77.1.1', 10)).toBe(10)
  expect(await arrived(fromAlice, fromBob, '5.5.5.2', 10)).toBe(0)
  site.moveTo('5.88.1.1')
  expect(await arrived(fromAlice, carol, '5.88.1.1', 10)).toBe(10)
  dave.readdress('10.0.0.99')
  expect((await carol.carry('10.0.0.99', 1_000)).isThrough).toBe(true)
  expect((await fromDave.carry('5.77.1.1', 1_000)).isThrough).toBe(true)
  expect([bob.publicAddress, bob.ownAddress, dave.publicAddress, dave.ownAddress]).toEqual([
    '5.77.1.1',
    '5.77.1.1',
    '5.88.1.1',
    '10.0.0.99'
  ])
})

labTest('a capture holds what crosses the internet, and what is for nobody in it', ['capture'], async (lab) => {
  const alice = lab.addHost('alice', '5.5.5.1', 'port-restricted')
  const fromAlice = await probed(alice)
  await probed(lab.addHost('bob', '5.5.5.2'))
  await fromAlice.carry('5.5.5.2', 'before the capture')
  const capture = await lab.capture()
  await fromAlice.carry('5.5.5.2', 'a secret in clear')
  await fromAlice.send('9.9.9.9', 3)
  const packets = await capture.stop()
  const holds = (text: string): boolean => packets.some(({ frame }) => frame.includes(text))
  expect(holds('a secret in clear')).toBe(true)
  expect(holds('before the capture')).toBe(false)
  const strays = packets.filter(({ destination }) => destination === '9.9.9.9')
  expect(strays).toHaveLength(3)
  expect(strays[0]).toMatchObject({ kind: 'udp', source: '5.5.5.1', destinationPort: 7_000 })
  const secret = packets.filter(({ frame }) => frame.includes('a secret in clear'))
  expect(secret.map(({ source, destination }) => [source, destination])).toEqual([['5.5.5.1', '5.5.5.2']])
})
