import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

const updates = 1_000
const allowedTunnels = 100
const cutWithinMs = 5_000

let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
let carol: MeshMember
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  mesh = await createMesh(['alice', 'bob', 'carol'])
  const [first, second, third] = mesh.members
  if (first === undefined || second === undefined || third === undefined) throw new Error('three members')
  ;[alice, bob, carol] = [first, second, third]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on a port has one
  const { port } = server.address() as AddressInfo
  await alice.node.serve('echo', { address: `tcp://127.0.0.1:${port}` })
  await vi.waitFor(async () => expect(await alice.connected()).toHaveLength(2), 10_000)
}, 60_000)
afterAll(async () => {
  await mesh.close()
  server.close()
})

/** A tunnel on which a counter goes round and round. */
class Echo {
  readonly tunnel: Duplex
  rounds = 0
  ended: unknown
  #sent = 0

  constructor(tunnel: Duplex) {
    this.tunnel = tunnel
    let received = ''
    tunnel.setEncoding('utf8')
    tunnel.on('data', (text: string) => {
      received += text
      if (!received.endsWith('\n')) return
      if (received !== `${this.#sent}\n`) this.ended = new Error(`${received} came back for ${this.#sent}`)
      received = ''
      this.rounds++
      setImmediate(() => this.#next())
    })
    tunnel.once('error', (err) => {
      this.ended = err
    })
    tunnel.once('close', () => {
      this.ended ??= 'closed'
    })
    this.#next()
  }

  #next(): void {
    if (this.ended === undefined) this.tunnel.write(`${++this.#sent}\n`)
  }
}

const echoOf = async (member: MeshMember): Promise<Echo> => {
  const { tunnel } = await member.node.connect('alice/echo', { signal: AbortSignal.timeout(10_000) })
  return new Echo(tunnel)
}

/** Another file each time: what it grants stays, how it is said does not. */
const sourceOf = (number: number, from: string): string => `
# ${number}
groups:
  callers: [${from}]
grants:
  - from: callers
    to: alice
    services: ${number % 2 === 0 ? 'echo' : '[other, echo]'}
`

test(`${updates} policies under ${allowedTunnels} running tunnels drop none that is allowed, and cut the one that is not`, async () => {
  const allowed: Echo[] = []
  for (let i = 0; i < allowedTunnels; i++) allowed.push(await echoOf(bob))
  const denied = await echoOf(carol)
  for (let number = 1; number <= updates; number++) {
    const { version } = await alice.node.pushPolicy({ file: 'policy.yaml', source: sourceOf(number, 'bob, carol') })
    expect(version).toBe(number)
  }
  expect(allowed.map(({ ended }) => ended).filter((end) => end !== undefined)).toEqual([])
  expect(denied.ended).toBeUndefined()
  const roundsBefore = allowed.map(({ rounds }) => rounds)
  const startedMs = performance.now()
  await alice.node.pushPolicy({ file: 'policy.yaml', source: sourceOf(updates + 1, 'bob') })
  await vi.waitFor(() => expect(denied.ended).toBeDefined(), { timeout: 2 * cutWithinMs, interval: 10 })
  const cutMs = performance.now() - startedMs
  process.stderr.write(`policy: the denied tunnel was cut after ${cutMs.toFixed(0)} ms\n`)
  expect(cutMs).toBeLessThan(cutWithinMs)
  expect(denied.ended).toMatchObject({ code: 'DENIED' })
  await vi.waitFor(
    () => {
      for (const [index, { rounds }] of allowed.entries()) expect(rounds).toBeGreaterThan(roundsBefore[index] ?? 0)
    },
    { timeout: 10_000, interval: 50 }
  )
  expect(allowed.map(({ ended }) => ended).filter((end) => end !== undefined)).toEqual([])
  await vi.waitFor(() => expect(bob.node.policyStatus().version).toBe(updates + 1), { timeout: 10_000, interval: 50 })
  await expect(carol.node.connect('alice/echo', { signal: AbortSignal.timeout(10_000) })).rejects.toMatchObject({
    code: 'DENIED'
  })
  for (const { tunnel } of allowed) tunnel.destroy()
}, 300_000)
