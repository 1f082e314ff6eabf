/**
 * Policies that change again and again drop no running tunnel that they allow, and the first one that does not allow a
 * tunnel cuts it within five seconds. Real processes. The short form has 100 updates under 20 tunnels, the whole one
 * 1,000 under 100.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { beforeAll, expect, test, vi } from 'vitest'
import { createMesh, waitForPeers, type Mesh } from '../e2e/harness/mesh.ts'
import { echoBytes, startTcpOrigin, type TcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { inForm } from './harness/form.ts'

const { updates, tunnels } = inForm({ short: { updates: 100, tunnels: 20 }, full: { updates: 1_000, tunnels: 100 } })
const cutWithinMs = 5_000

let mesh: Mesh<'alice' | 'bob' | 'carol'>
let origin: TcpOrigin

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  await waitForPeers([mesh.alice], 2)
  origin = await startTcpOrigin('alice', echoBytes)
  await mesh.alice.serve(`echo=tcp://127.0.0.1:${origin.port}`)
}, 120_000)

/** A connection on which a counter goes round and round. */
class Echo {
  readonly socket: Socket
  rounds = 0
  wrong: string | undefined
  isOver = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    let received = ''
    this.socket.setEncoding('utf8')
    this.socket.on('error', () => {})
    this.socket.once('close', () => (this.isOver = true))
    this.socket.on('data', (text) => {
      received += String(text)
      if (!received.endsWith('\n')) return
      if (received !== `${this.rounds}\n`) this.wrong = `${received.trim()} came back for ${this.rounds}`
      received = ''
      this.rounds++
      setTimeout(() => this.#send(), 20)
    })
    this.#send()
  }

  #send(): void {
    if (!this.isOver) this.socket.write(`${this.rounds}\n`)
  }
}

const sourceOf = (number: number, from: string): string =>
  `# ${number}\ngroups: {callers: [${from}]}\ngrants: [{from: callers, to: alice, services: ${number % 2 === 0 ? 'echo' : '[other, echo]'}}]\n`

test(`${updates} policies under ${tunnels} tunnels drop none that is allowed and cut the one that is not`, async () => {
  const { client } = mesh.alice
  const bobs = await mesh.bob.forward('alice/echo')
  const carols = await mesh.carol.forward('alice/echo')
  const allowed = Array.from({ length: tunnels }, () => new Echo(bobs.port))
  const denied = new Echo(carols.port)
  const all = [...allowed, denied]
  await vi.waitFor(() => expect(all.every(({ rounds }) => rounds > 0)).toBe(true), { timeout: 60_000, interval: 50 })
  for (let number = 1; number <= updates; number++)
    await client.pushPolicy({ file: 'policy.yaml', source: sourceOf(number, 'bob, carol') })
  expect(all.filter(({ isOver }) => isOver)).toEqual([])
  const before = allowed.map(({ rounds }) => rounds)
  const startedMs = performance.now()
  await client.pushPolicy({ file: 'policy.yaml', source: sourceOf(updates + 1, 'bob') })
  if (!denied.isOver) await once(denied.socket, 'close', { signal: AbortSignal.timeout(4 * cutWithinMs) })
  const cutMs = performance.now() - startedMs
  process.stderr.write(`policy-updates: ${updates} updates, the denied tunnel was cut after ${cutMs.toFixed(0)} ms\n`)
  expect(cutMs).toBeLessThan(cutWithinMs)
  await vi.waitFor(() => expect(allowed.every(({ rounds }, index) => rounds > (before[index] ?? 0) + 1)).toBe(true), {
    timeout: 60_000,
    interval: 50
  })
  expect(allowed.filter(({ isOver, wrong }) => isOver || wrong !== undefined)).toEqual([])
  await vi.waitFor(async () => expect((await mesh.bob.client.policyStatus()).version).toBe(updates + 1), {
    timeout: 20_000,
    interval: 100
  })
  for (const { socket } of all) socket.destroy()
}, 580_000)
