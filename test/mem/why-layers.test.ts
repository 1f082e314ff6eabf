import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type CertifyOptions, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import type { WhyResponse } from '@agent-mesh/wire/api'

/** Each layer is broken in turn on real nodes, and has to be the one that is named. */
let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.resume()
})
let address = ''

const order = [
  'name',
  'record',
  'certificate',
  'revocation',
  'policy',
  'health',
  'addresses',
  'path',
  'service',
  'allow',
  'upstream'
]

const ask = async (who: MeshMember, target: string, from?: string): Promise<WhyResponse> =>
  who.node.why(
    { target, timeoutMs: 15_000, ...(from === undefined ? {} : { from }) },
    { signal: AbortSignal.timeout(30_000) }
  )

/** The failure has this layer and code and names a command; what lies before it has passed, what lies behind was not reached. */
const expectFailure = (answer: WhyResponse, layer: string, code: string, command: RegExp): void => {
  expect(answer, JSON.stringify(answer, undefined, 1)).toMatchObject({ verdict: 'failed', failed: { layer, code } })
  expect(answer.failed?.command).toMatch(command)
  expect(answer.steps.map((step) => step.layer)).toEqual(order)
  const at = answer.steps.findIndex(({ verdict }) => verdict === 'failed')
  expect(answer.steps[at]?.blames ?? answer.steps[at]?.layer).toBe(layer)
  for (const { verdict } of answer.steps.slice(0, at)) expect(['ok', 'skipped', 'unknown']).toContain(verdict)
  for (const step of answer.steps.slice(at + 1)) expect(step).toMatchObject({ verdict: 'skipped', text: 'not reached' })
}

const verdictOf = ({ steps }: WhyResponse, layer: string) => steps.find((step) => step.layer === layer)

const isHere = async (who: MeshMember, other: MeshMember, is = true): Promise<void> =>
  vi.waitFor(
    async () => expect((await who.connected()).some(({ peerId }) => peerId === other.node.ready.peerId)).toBe(is),
    { timeout: 15_000, interval: 50 }
  )

/** A member with this certificate, and with a service that works. */
const addWith = async (name: string, fields: CertifyOptions): Promise<MeshMember> => {
  const member = await mesh.add(name)
  await member.node.serve('web', { address })
  await member.stop()
  await mesh.certify(member, fields)
  await member.restart({ bootstrap: [...alice.node.ready.addresses, ...bob.node.ready.addresses] })
  await isHere(bob, member)
  await vi.waitFor(async () => expect((await ask(bob, `${name}/web`)).verdict).toBe('ok'), {
    timeout: 15_000,
    interval: 100
  })
  return member
}

const dayMs = 24 * 3_600_000
/** So long before their end certificates are given to members that are to lose them. */
const shortMs = 6_000

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on a port has one
  address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  mesh = await createMesh(['alice', 'bob'])
  const [first, second] = mesh.members
  if (first === undefined || second === undefined) throw new Error('two members')
  ;[alice, bob] = [first, second]
  await alice.node.serve('web', { address })
  await alice.node.serve('ops', { address, allow: ['nobody'] })
  await alice.node.serve('down', { address: 'tcp://127.0.0.1:1' })
  await isHere(bob, alice)
})
afterAll(async () => {
  await mesh.close()
  server.close()
})

describe('why, with each layer broken in turn', () => {
  it('finds nothing where nothing is broken', async () => {
    const answer = await ask(bob, 'alice/web')
    expect(answer).toMatchObject({ verdict: 'ok' })
    expect(answer.steps.map(({ layer }) => layer)).toEqual(order)
    expect(answer.steps.filter(({ verdict }) => verdict !== 'ok').map(({ layer }) => layer)).toEqual(['policy'])
  })

  it.each<[string, string, string, RegExp]>([
    ['nobody/web', 'name', 'NAME_UNKNOWN', /mesh-node peers/],
    ['alice/nothing', 'service', 'SERVICE_UNKNOWN', /mesh-node find alice.*mesh-node serve nothing=/],
    ['alice/ops', 'allow', 'DENIED', /mesh-node why alice\/ops --from bob, on the node of alice/],
    ['alice/down', 'upstream', 'UPSTREAM_REFUSED', /Start the service/]
  ])('%s: %s, %s', async (target, layer, code, command) => {
    expectFailure(await ask(bob, target), layer, code, command)
  })

  it.each<[string, string, string, RegExp]>([
    ['alice/nothing', 'service', 'SERVICE_UNKNOWN', /mesh-node serve nothing=/],
    ['alice/ops', 'allow', 'DENIED', /mesh-node serve ops=<address> --replace --allow bob/],
    ['alice/down', 'upstream', 'UPSTREAM_REFUSED', /Start the service/]
  ])('%s, asked there for bob: %s, %s', async (target, layer, code, command) => {
    expectFailure(await ask(alice, target, 'bob'), layer, code, command)
  })

  it('a name that two hold by equal right: name, NAME_CONFLICT', { timeout: 60_000 }, async () => {
    const twins = [await mesh.add('twin'), await mesh.add('twin')]
    await vi.waitFor(
      async () => expectFailure(await ask(bob, 'twin/web'), 'name', 'NAME_CONFLICT', /peer id|mesh-node/),
      { timeout: 15_000, interval: 100 }
    )
    for (const twin of twins) await twin.stop()
  })

  it('an agent that has left: record, PEER_UNKNOWN', { timeout: 60_000 }, async () => {
    const dora = await mesh.add('dora')
    await isHere(bob, dora)
    const { peerId } = dora.node.ready
    await dora.stop()
    await vi.waitFor(
      async () => expectFailure(await ask(bob, `${peerId}/web`), 'record', 'PEER_UNKNOWN', /mesh-node up/),
      { timeout: 20_000, interval: 200 }
    )
  })

  it('a certificate that ends soon is told of; one that has ended: certificate', { timeout: 60_000 }, async () => {
    const notAfterMs = Date.now() - limits.clockToleranceMs + shortMs
    const erin = await addWith('erin', { notBeforeMs: Date.now() - dayMs, notAfterMs, isEphemeral: true })
    const { peerId } = erin.node.ready
    expect(verdictOf(await ask(bob, 'erin/web'), 'certificate')).toMatchObject({
      verdict: 'ok',
      text: expect.stringContaining('it is past its end, and holds for minutes more: mesh-node join <new ticket>')
    })
    await isHere(bob, erin, false)
    for (const target of ['erin/web', `${peerId}/web`])
      expectFailure(await ask(bob, target), 'certificate', 'CERTIFICATE_EXPIRED', /join <new ticket>, on the node of/)
    expectFailure(await ask(erin, 'alice/web'), 'certificate', 'CERTIFICATE_EXPIRED', /join <new ticket>, on this node/)
    await erin.stop()
  })

  it('a member that was revoked: revocation, on both sides', { timeout: 60_000 }, async () => {
    const mallory = await addWith('mallory', { notBeforeMs: Date.now() - dayMs })
    const { peerId } = mallory.node.ready
    await alice.node.revoke({ who: 'mallory', reason: 'a drill' })
    await isHere(bob, mallory, false)
    for (const [who, target] of [
      [bob, 'mallory/web'],
      [bob, `${peerId}/web`],
      [alice, 'mallory/web']
    ] as const) {
      const answer = await ask(who, target)
      expectFailure(answer, 'revocation', 'REVOKED', /mesh-node join <new ticket>/)
      expect(answer.failed?.text).toContain('"a drill"')
    }
    expectFailure(await ask(alice, 'alice/web', 'mallory'), 'revocation', 'REVOKED', /mesh-node join <new ticket>/)
    await vi.waitFor(
      async () => {
        // what it was told when it dialled again, or heard by itself
        const answer = await ask(mallory, 'alice/web')
        expect(answer.failed?.code).toMatch(/^(REVOKED|REFUSED_EARLIER)$/)
        expectFailure(answer, 'revocation', answer.failed?.code ?? '', /join <new ticket>/)
      },
      { timeout: 15_000, interval: 200 }
    )
    await mallory.stop()
  })

  it(
    'a policy: the rule with its line where it allows, and policy where it does not',
    { timeout: 60_000 },
    async () => {
      const source =
        'grants:\n  - from: alice\n    to: bob\n    services: "*"\n  - from: bob\n    to: alice\n    services: down\n'
      await alice.node.pushPolicy({ file: 'policy.yaml', source })
      await vi.waitFor(() => expect(bob.node.policyStatus().version).toBe(1), { timeout: 10_000, interval: 20 })
      for (const [who, from] of [[bob], [alice, 'bob']] as const) {
        const answer = await ask(who, 'alice/web', from)
        expectFailure(answer, 'policy', 'DENIED', /mesh-node policy show.*mesh-node policy push/)
        expect(answer.failed?.text).toContain('none of 2 grants lets bob use web of alice')
        const allowed = await ask(who, 'alice/down', from)
        expectFailure(allowed, 'upstream', 'UPSTREAM_REFUSED', /Start the service/)
        expect(verdictOf(allowed, 'policy')).toMatchObject({
          verdict: 'ok',
          text: expect.stringContaining('(mesh-node policy show, line 5)'),
          details: { line: 5 }
        })
      }
      expect(alice.node.policy().source?.split('\n')[4]).toContain('- from:')
    }
  )
})
