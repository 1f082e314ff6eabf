import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Namespaces, whyNot, type Nat, type NatHost } from './harness/namespaces.ts'

const program = join(import.meta.dirname, 'harness/punch-host.ts')
const reason = whyNot()
/** A name with the reason why the test is skipped. */
const named = (name: string): string => (reason === undefined ? name : `${name} [${reason}]`)
const natTest = test.skipIf(reason !== undefined)

let lab: Namespaces | undefined
afterEach(() => {
  lab?.close()
  lab = undefined
})

const textOf = (value: unknown): string => {
  if (typeof value !== 'string') throw new TypeError(`${String(value)} is no text`)
  return value
}

/** Two agents that are connected to the same two public members and reach each other through the first. */
const twoAgents = async (
  a: Nat,
  b: Nat
): Promise<{ first: NatHost; second: NatHost; address: string; back: string }> => {
  lab = new Namespaces()
  const relays: string[] = []
  for (const address of ['5.5.5.10', '5.5.5.20']) {
    const relay = lab.start(lab.addHost(`relay${address.slice(-2)}`, address), program, address)
    relays.push(textOf((await relay.ask({}))['address']))
  }
  const first = lab.start(lab.addHost('a', '5.5.5.1', a), program, ...relays)
  const second = lab.start(lab.addHost('b', '5.5.5.2', b), program, ...relays)
  const { address: back } = await first.ask({})
  const { address } = await second.ask({})
  return { first, second, address: textOf(address), back: textOf(back) }
}

const punched = { isPunched: true, isExact: true, direction: 'outbound', encryption: '/tls/1.0.0' }

natTest(named('20 of 20 punches between port-restricted NATs work, without any UDP'), async () => {
  const { first, address } = await twoAgents('port-restricted', 'port-restricted')
  const times: number[] = []
  for (let turn = 0; turn < 20; turn++) {
    const result = await first.ask({ punch: address })
    expect(result, `punch ${turn}`).toMatchObject(punched)
    times.push(Number(result['durationMs']))
  }
  times.sort((a, b) => a - b)
  console.log(`punches: 20 of 20, median ${times[10]} ms, longest ${times[19]} ms`)
})

/** Cells of the grid beside the hardest one. */
const cells: Array<[Nat, Nat]> = [
  ['full-cone', 'port-restricted'],
  ['symmetric', 'full-cone'],
  ['full-cone', 'symmetric'],
  ['none', 'symmetric'],
  ['port-restricted', 'none'],
  ['full-cone', 'full-cone']
]

natTest.for(cells)(named('%s to %s is punched, whoever asks'), async ([a, b]) => {
  const { first, second, address, back } = await twoAgents(a, b)
  expect(await first.ask({ punch: address })).toMatchObject(punched)
  expect(await second.ask({ punch: back })).toMatchObject(punched)
})

natTest(named('a port-restricted NAT does not let in what comes from a symmetric one'), async () => {
  const { first, address } = await twoAgents('port-restricted', 'symmetric')
  const result = await first.ask({ punch: address })
  expect(result).toMatchObject({ code: 'PUNCH_FAILED' })
  expect(result['durationMs']).toBeLessThan(10_000)
})

natTest(named('two symmetric NATs are told apart before a packet is sent'), async () => {
  const { first, address } = await twoAgents('symmetric', 'symmetric')
  const result = await first.ask({ punch: address })
  expect(result).toMatchObject({
    code: 'PUNCH_FAILED',
    error: expect.stringContaining('another port for each destination')
  })
  expect(result['durationMs']).toBeLessThan(2_000)
})

test.skipIf(reason !== undefined)(
  'both sides asking at once get connections, and neither waits for its deadline',
  async () => {
    const { first, second, address, back } = await twoAgents('port-restricted', 'port-restricted')
    const results = await Promise.all([first.ask({ keep: address }), second.ask({ keep: back })])
    const directions = new Set(results.map((result) => result['direction']))
    expect(results).toMatchObject([{ isPunched: true }, { isPunched: true }])
    expect(directions).toEqual(new Set(['inbound', 'outbound']))
  }
)
