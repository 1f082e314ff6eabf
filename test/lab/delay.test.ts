import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createLab, sweep, whyNot, type Lab, type LabAbility } from '@agent-mesh/testkit/lab'
import { probe, type Probe } from './harness/probe.ts'

const labTest = (name: string, abilities: LabAbility[], body: (lab: Lab) => Promise<void>): void => {
  const reason = whyNot('delay', ...abilities)
  test.skipIf(reason !== undefined)(`${name}${reason === undefined ? '' : ` [${reason}]`}`, async () => {
    const lab = createLab()
    onTestFinished(lab.close)
    await body(lab)
  })
}

const bobAddress = '5.5.5.2'

/** Bob's cable is the one that is delayed; Alice, behind a NAT, asks him. */
const pair = async (lab: Lab) => {
  const bob = lab.addHost('bob', bobAddress)
  const alice = await probe(lab.addHost('alice', '5.5.5.1', 'port-restricted'))
  onTestFinished(alice.stop)
  const atBob = await probe(bob)
  onTestFinished(atBob.stop)
  return { site: bob.site, alice, atBob }
}

const fastest = async (from: Probe): Promise<number> => {
  // Whoever has not spoken yet asks by ARP first, which is a round trip as well.
  await from.echo(bobAddress, 1)
  const { tookMs } = await from.echo(bobAddress, 20)
  expect(tookMs).toHaveLength(20)
  return Math.min(...tookMs)
}

labTest('a round trip takes twice the delay longer, until there is none', [], async (lab) => {
  const { site, alice } = await pair(lab)
  for (const ms of [50, 100]) {
    await site.delay({ ms })
    const took = await fastest(alice)
    console.log(`a delay of ${ms} ms: ${took.toFixed(2)} ms there and back`)
    expect(took).toBeGreaterThanOrEqual(2 * ms)
    expect(took).toBeLessThan(3 * ms)
  }
  await site.delay({ ms: 0 })
  expect(await fastest(alice)).toBeLessThan(100)
})

labTest('TCP comes through a delay with jitter byte for byte, and jitter keeps the order', [], async (lab) => {
  const { site, alice } = await pair(lab)
  await site.delay({ ms: 20, jitterMs: 15 })
  const { order, tookMs } = await alice.echo(bobAddress, 300)
  expect(order).toEqual([...order.keys()])
  expect(order).toHaveLength(300)
  expect(Math.min(...tookMs)).toBeGreaterThanOrEqual(10)
  expect(Math.max(...tookMs) - Math.min(...tookMs)).toBeGreaterThan(10)
  expect(await alice.carry(bobAddress, 4_000_000, 30_000)).toMatchObject({ isThrough: true })
})

labTest('jitter changes the order where it is asked to', [], async (lab) => {
  const { site, alice } = await pair(lab)
  await site.delay({ ms: 20, jitterMs: 15, isReordering: true, seed: 7 })
  const { order } = await alice.echo(bobAddress, 300)
  expect(order.toSorted((a, b) => a - b)).toEqual([...order.keys()])
  expect(order).not.toEqual([...order.keys()])
  expect(await alice.carry(bobAddress, 1_000_000, 30_000)).toMatchObject({ isThrough: true })
})

labTest('what does not fit into the queue of a delay is dropped', [], async (lab) => {
  const { site, alice, atBob } = await pair(lab)
  await site.delay({ ms: 1, jitterMs: 1 })
  await fastest(alice)
  // Datagrams of 100 bytes are frames of 142, and the header of the line is 10.
  await site.delay({ ms: 3_000, queueBytes: 50 * 152 })
  await alice.send(bobAddress, 300)
  let last = 0
  await vi.waitFor(
    async () => {
      const before = last
      last = await atBob.heard()
      expect(last).toBeGreaterThan(0)
      expect(last).toBe(before)
    },
    { timeout: 20_000, interval: 500 }
  )
  // ARP and IPv6 may have taken some of the places.
  expect(last).toBeGreaterThan(30)
  expect(last).toBeLessThanOrEqual(50)
})

labTest('a delayed cable is cut, spoilt and of another size as any other', ['faults', 'rate'], async (lab) => {
  const { site, alice } = await pair(lab)
  site.spoil({ blocked: ['tcp'] })
  site.setMtu(1_400)
  await site.delay({ ms: 5, jitterMs: 1 })
  expect(await fastest(alice)).toBeGreaterThanOrEqual(8)
  expect(await alice.carry(bobAddress, 1_000, 500)).toMatchObject({ isThrough: false })
  site.spoil({})
  expect(await alice.carry(bobAddress, 1_000_000, 20_000)).toMatchObject({ isThrough: true })
  for (const stop of [site.cut, site.silence]) {
    stop()
    expect((await alice.echo(bobAddress, 3, 500)).order).toEqual([])
    site.restore()
    expect(await alice.carry(bobAddress, 1_000, 10_000)).toMatchObject({ isThrough: true })
  }
  site.limit(1_000_000)
  expect((await alice.carry(bobAddress, 250_000, 20_000)).elapsedMs).toBeGreaterThan(1_600)
})

/** Makes a lab with a delay, says what runs in it, and waits to be killed. */
const doomed = `
import { execFileSync } from 'node:child_process'
import { createLab } from '@agent-mesh/testkit/lab'
const bob = createLab().addHost('bob', '5.5.5.2')
await bob.site.delay({ ms: 5, jitterMs: 1 })
const ip = (...args) => execFileSync('ip', ['netns', ...args], { encoding: 'utf8' })
const mine = ip('list').split('\\n').map((line) => line.split(' ')[0]).filter((name) => name.includes('-' + process.pid + '-'))
console.log(JSON.stringify({ mine, pids: mine.flatMap((name) => ip('pids', name).split('\\n').filter(Boolean)) }))
`

labTest('a killed process leaves no delay behind', [], async () => {
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', doomed], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const { mine, pids } = JSON.parse(String(line))
  expect(mine).toContainEqual(expect.stringMatching(/-bob-cable$/))
  expect(pids).toHaveLength(1)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  // Others that make a lab at the same time may have removed it first.
  sweep()
  await vi.waitFor(() => {
    const left = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    expect(mine.filter((name: string) => left.includes(name))).toEqual([])
    expect(existsSync(`/proc/${pids[0]}`)).toBe(false)
  }, 10_000)
})
