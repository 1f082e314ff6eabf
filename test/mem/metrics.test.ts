import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { metricDefinitions } from '@agent-mesh/node/metrics'

let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
let carol: MeshMember

/** Of nobody. */
const stranger = '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ'

/**
 * What takes a hostile member, an issuer that renews, agents that die under a request, or a view of health: the unit tests
 * of counting and reading do.
 */
const elsewhere = new Set<string>([
  'mesh_proxy_repeats_total',
  'mesh_proxy_withheld_total',
  'mesh_proxy_hedges_total',
  'mesh_replication_refusals_total',
  'mesh_replication_failures_total',
  'mesh_certificate_renewals_total',
  'mesh_health_members',
  'mesh_health_changes_total',
  'mesh_health_rtt_seconds',
  'mesh_health_loss_ratio'
])
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

/** Has a policy end a tunnel that is open. @returns the metrics of its callee while it was */
const openAndDeny = async (): Promise<string> => {
  const { tunnel } = await bob.node.connect('alice/web', { signal: AbortSignal.timeout(10_000) })
  tunnel.on('error', () => {}).resume()
  await vi.waitFor(async () => expect((await alice.node.status()).tunnels.open).toBe(1), 5_000)
  const exposed = await metricsOf(alice)
  const source = 'grants:\n  - from: [carol]\n    to: [alice]\n    services: [web]\n'
  await alice.node.pushPolicy({ file: 'policy.yaml', source })
  await vi.waitFor(() => expect(tunnel.destroyed).toBe(true), 10_000)
  return exposed
}

beforeAll(async () => {
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  mesh = await createMesh(['alice', 'bob', 'carol'])
  const [first, second, third] = mesh.members
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('three members were asked for')
  ;[alice, bob, carol] = [first, second, third]
  await vi.waitFor(async () => expect((await alice.connected()).length).toBe(2), 20_000)
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
    const own = Object.fromEntries([...types].filter(([name]) => name.startsWith('mesh_')))
    expect(own).toEqual(Object.fromEntries(metricDefinitions().map(({ name, type }) => [name, type])))
    const others = [...types.keys()].filter((name) => !/^(?:mesh|libp2p|nodejs|process)_/.test(name))
    expect(others).toEqual([])
    expect([...types.keys()].filter((name) => name.startsWith('libp2p_')).length).toBeGreaterThan(10)
    expect(types.get('nodejs_eventloop_lag_p99_seconds')).toBe('gauge')
  })

  it('each have a value once what they count has happened', async () => {
    expect(await call(bob, 'alice/web')).toBe('hello')
    const { listen } = await bob.node.addForward({ listen: '127.0.0.1:0', target: 'alice/shut' })
    const socket = connect({ host: '127.0.0.1', port: Number(listen.split(':').at(-1)) })
    const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve))
    await closed
    await bob.node.find({ query: 'x/y' }, { signal: AbortSignal.timeout(10_000) })
    await expect(bob.node.dial({ target: stranger }, { signal: AbortSignal.timeout(10_000) })).rejects.toThrow()
    const open = await openAndDeny()
    await alice.node.revoke({ who: 'carol' })
    await vi.waitFor(() => expect(bob.node.revocations().length).toBe(1), 20_000)
    await carol.restart()
    await vi.waitFor(
      async () => expect(samplesOf(await metricsOf(alice), 'mesh_admission_refusals_total')).not.toEqual(new Map()),
      { timeout: 20_000, interval: 200 }
    )
    await carol.stop()
    const both = `${open}\n${await metricsOf(alice)}\n${await metricsOf(bob)}\n`
    // A node that was just started knows nobody, of which it warns.
    const alone = await mesh.add('dave', { bootstrap: [] })
    const all = both + (await metricsOf(alone))
    const silent = metricDefinitions()
      .map(({ name, type }) => [name, type === 'histogram' ? `${name}_count` : name] as const)
      .filter(([name, sample]) => !elsewhere.has(name) && samplesOf(all, sample).size === 0)
    expect(silent).toEqual([])
  })

  it('say what happened', async () => {
    const exposed = await metricsOf(alice)
    expect(samplesOf(exposed, 'mesh_tunnel_openings_total')).toEqual(
      new Map([['{direction="inbound",path="local"}', 2]])
    )
    expect(samplesOf(exposed, 'mesh_tunnel_refusals_total')).toEqual(new Map([['{code="DENIED"}', 1]]))
    expect(samplesOf(exposed, 'mesh_tunnel_cuts_total')).toEqual(new Map([['', 1]]))
    expect(samplesOf(exposed, 'mesh_tunnel_received_bytes_total').get('')).toBe(5)
    expect(samplesOf(exposed, 'mesh_policy_version').get('')).toBe(1)
    expect(samplesOf(await metricsOf(bob), 'mesh_forward_failures_total')).toEqual(new Map([['{code="DENIED"}', 1]]))
  })

  it('name no peer, no member, no capability and no service', async () => {
    const exposed = `${await metricsOf(alice)}\n${await metricsOf(bob)}`
    const labels = exposed.split('\n').filter((line) => line.startsWith('mesh_'))
    for (const name of [
      alice.node.ready.peerId,
      bob.node.ready.peerId,
      'bob',
      'alice',
      'carol',
      'a/b',
      '"web"',
      '"shut"'
    ])
      expect(
        labels.filter((line) => line.includes(name)),
        name
      ).toEqual([])
  })

  it('are OpenMetrics for whoever accepts that, with the same values afterwards for the others', async () => {
    const before = typesOf(await metricsOf(alice))
    const { contentType, text: open } = await alice.node.metrics('application/openmetrics-text; version=1.0.0')
    expect(contentType).toContain('application/openmetrics-text')
    expect(open.endsWith('# EOF\n')).toBe(true)
    expect(open).toContain('# TYPE mesh_tunnel_openings counter\n')
    expect(samplesOf(open, 'mesh_tunnel_openings_total').get('{direction="inbound",path="local"}')).toBe(2)
    expect(samplesOf(open, 'process_start_time_seconds').size).toBe(1)
    expect(typesOf(await metricsOf(alice))).toEqual(before)
  })

  it('are of one node each, and of the new one after a restart in the same process', async () => {
    expect(samplesOf(await metricsOf(bob), 'libp2p_tcp_listener_status_info').size).toBe(1)
    await bob.restart()
    await vi.waitFor(async () => expect((await bob.connected()).length).toBeGreaterThan(0), 20_000)
    const exposed = await metricsOf(bob)
    const connected = samplesOf(exposed, 'libp2p_connection_manager_connections')
    expect([...connected.values()].reduce((a, b) => a + b)).toBeGreaterThanOrEqual(1)
    expect(samplesOf(exposed, 'mesh_tunnel_openings_total')).toEqual(new Map())
  })
})
