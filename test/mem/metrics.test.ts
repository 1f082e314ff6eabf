import { createServer } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { metricDefinitions } from '@agent-mesh/node/metrics'

let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
const origin = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})

/** Values of a metric, by the text of its labels. */
const samplesOf = (exposed: string, name: string): Map<string, number> =>
  new Map(
    exposed
      .split('\n')
      .map((line) => /^(\w+)(\{.*\})? (\S+)$/.exec(line))
      .filter((found) => found?.[1] === name)
      .map((found) => [found?.[2] ?? '', Number(found?.[3])])
  )

const typesOf = (exposed: string): Map<string, string> =>
  new Map([...exposed.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]))

const metricsOf = async ({ node }: MeshMember): Promise<string> => (await node.metrics('')).text

const port = (): number => {
  const address = origin.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const call = async (from: MeshMember, target: string): Promise<string> => {
  const { tunnel } = await from.node.connect(target, { signal: AbortSignal.timeout(10_000) })
  tunnel.end('hello')
  return text(tunnel)
}

beforeAll(async () => {
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  mesh = await createMesh(['alice', 'bob'])
  const [first, second] = mesh.members
  if (first === undefined || second === undefined) throw new Error('two members were asked for')
  ;[alice, bob] = [first, second]
  await vi.waitFor(async () => expect((await bob.node.peers()).length).toBe(1), 20_000)
  await alice.node.serve('web', { address: `tcp://127.0.0.1:${port()}`, capabilities: ['a/b'] })
  await alice.node.serve('shut', { address: `tcp://127.0.0.1:${port()}`, allow: ['nobody'] })
})

afterAll(async () => {
  await mesh.close()
  origin.close()
})

describe('the metrics of a running node', () => {
  it('are those of the catalogue, and what libp2p and the process count', async () => {
    const exposed = await metricsOf(alice)
    const types = typesOf(exposed)
    const own = [...types].filter(([name]) => name.startsWith('mesh_'))
    expect(own.toSorted()).toEqual(
      metricDefinitions()
        .map(({ name, type }) => [name, type])
        .toSorted()
    )
    const others = [...types.keys()].filter((name) => !/^(?:mesh|libp2p|nodejs|process)_/.test(name))
    expect(others).toEqual([])
    expect([...types.keys()].filter((name) => name.startsWith('libp2p_')).length).toBeGreaterThan(10)
    expect(types.get('nodejs_eventloop_lag_p99_seconds')).toBe('gauge')
  })
  it('x', async () => {
    console.log(await metricsOf(alice))
    expect(await call(bob, 'alice/web')).toBe('hello')
    console.log((await alice.node.metrics('application/openmetrics-text')).text)
    console.log(samplesOf)
  })
})
