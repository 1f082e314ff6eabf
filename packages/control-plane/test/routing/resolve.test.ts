import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { parseTarget } from '@agent-mesh/wire'
import {
  connect,
  connectAll,
  forgetOthers,
  revokeAt,
  signal,
  startNode,
  startNodes,
  stopNodes,
  until,
  type TestNode
} from '../discovery/node.ts'
import type { RouteCandidate } from '../../src/routing/assessment.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopNodes)

const resolve = async (
  node: TestNode,
  target: string,
  options: { includeSelf?: boolean } = {}
): Promise<RouteCandidate[]> => node.resolver.resolve(parseTarget(target), { signal: signal(), ...options })

/** Reader and holder know each other, and the others through the holder only. */
const startApart = async (names: Array<Parameters<typeof startNode>[1]>): Promise<TestNode[]> => {
  const nodes: TestNode[] = []
  for (const name of ['reader', 'holder', ...names]) nodes.push(await startNode(network, name))
  await connectAll(nodes)
  for (const node of nodes.slice(2)) {
    await node.discovery.publish(node.plain())
    await node.stop()
  }
  const [reader] = nodes
  await until(() => reader?.host.libp2p.services.admission.members().length === 1)
  return nodes
}

describe('a capability', () => {
  it('leads to those that offer it or a part of it, each with the service that answers', async () => {
    const nodes = await startNodes(network, 4)
    const [reader, ...agents] = nodes
    const paths = ['language/translation', 'language/translation/german', 'language/speech']
    for (const [index, agent] of agents.entries()) {
      const services = [
        { name: 'other', kind: 'tcp', capabilities: [] },
        { name: `web-${index}`, kind: 'http', capabilities: [paths[index] ?? ''] }
      ]
      await agent.discovery.publish({ ...agent.plain(), services })
    }
    const candidates = await resolve(reader, 'cap:language/translation')
    expect(candidates.map(({ name, service }) => `${name}/${service}`).toSorted()).toEqual([
      'member-1/web-0',
      'member-2/web-1'
    ])
    expect(candidates.every(({ reason, path }) => path === 'local' && reason.startsWith('connected (local)'))).toBe(
      true
    )
    expect(await resolve(reader, 'cap:language')).toHaveLength(3)
  })

  it('does not lead to this node unless it is asked to', async () => {
    const [alice, bob] = await startNodes(network, 2)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })
    await expect(resolve(alice, 'cap:math')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await resolve(alice, 'cap:math', { includeSelf: true })).toMatchObject([
      { name: 'member-0', reason: 'this node itself' }
    ])
    expect(await resolve(bob, 'cap:math')).toMatchObject([
      { name: 'member-0', reason: expect.stringContaining('no service answers it') }
    ])
  })

  it('that nobody offers is not found, with what was perhaps meant', async () => {
    const [alice, bob] = await startNodes(network, 2)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['language/translation'] })
    await expect(resolve(bob, 'cap:language/translatoin')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'Did you mean language/translation?',
      details: { suggestions: ['language/translation'] }
    })
    await expect(resolve(bob, 'cap:chess')).rejects.toMatchObject({ code: 'NOT_FOUND', details: { suggestions: [] } })
  })

  it('puts an agent that failed just now behind the others', async () => {
    const [reader, first, second] = await startNodes(network, 3)
    for (const agent of [first, second]) await agent.discovery.publish({ ...agent.plain(), capabilities: ['math'] })
    for (const failing of [first, second]) {
      reader.paths.onPathOk(first.member.peerId, 'local', 1)
      reader.paths.onPathOk(second.member.peerId, 'local', 1)
      reader.paths.onPathFailed(failing.member.peerId, 'CONNECTION_LOST')
      const candidates = await resolve(reader, 'cap:math')
      expect(candidates.map(({ name }) => name).at(-1)).toBe(failing.member.name)
      expect(candidates.at(-1)?.reason).toContain('CONNECTION_LOST just now')
    }
  })
})

describe('a name', () => {
  it('of a connected member needs no lookup; its service comes from the target', async () => {
    const [alice, bob] = await startNodes(network, 2)
    expect(await resolve(alice, 'member-1/web')).toMatchObject([{ name: 'member-1', service: 'web', path: 'local' }])
    expect((await resolve(bob, 'member-1'))[0]?.reason).toBe('this node itself')
  })

  it('of a member that is not connected comes from its record', async () => {
    const [reader, , alice] = await startApart(['alice'])
    if (reader === undefined || alice === undefined) throw new Error('not started')
    const [candidate] = await resolve(reader, 'alice')
    expect(candidate?.peerId.equals(alice.member.peerId)).toBe(true)
    expect(candidate?.record?.addresses).toHaveLength(1)
    await expect(resolve(reader, 'nobody')).rejects.toMatchObject({ code: 'NAME_UNKNOWN' })
  })

  it('stays the name of a member whose connection was cut before any record of it came, until it is revoked', async () => {
    const [alice, bob] = await startNodes(network, 2)
    await bob.host.libp2p.stop()
    await until(() => alice.host.libp2p.services.admission.members().length === 0)
    expect(alice.discovery.known(bob.member.peerId)).toBeUndefined()
    const [candidate] = await resolve(alice, 'member-1/web')
    expect(candidate).toMatchObject({ name: 'member-1', service: 'web' })
    expect(candidate?.peerId.equals(bob.member.peerId)).toBe(true)
    await revokeAt(alice, network, bob)
    await expect(resolve(alice, 'member-1/web')).rejects.toMatchObject({ code: 'NAME_UNKNOWN' })
  })

  it('that the root gave beats the same name from a delegate', async () => {
    const issuer = await network.member('issuer', { mayAdmit: true })
    const delegated = await network.member('twin', { issuer })
    const rooted = await network.member('twin')
    const [reader] = await startApart([delegated, rooted])
    if (reader === undefined) throw new Error('not started')
    const candidates = await resolve(reader, 'twin')
    expect(candidates.map(({ peerId }) => peerId.toString())).toEqual([rooted.peerId.toString()])
  })

  it('that the root gave beats a delegate who is connected', async () => {
    const issuer = await network.member('issuer', { mayAdmit: true })
    const rooted = await network.member('twin')
    const [reader] = await startApart([rooted])
    if (reader === undefined) throw new Error('not started')
    const delegated = await startNode(network, await network.member('twin', { issuer }))
    await connect(delegated, reader)
    expect((await resolve(reader, 'twin')).map(({ peerId }) => peerId.toString())).toEqual([rooted.peerId.toString()])
  })

  it('that the root gave twice leads to nobody', async () => {
    const twins = [await network.member('twin'), await network.member('twin')]
    const [reader] = await startApart(twins)
    if (reader === undefined) throw new Error('not started')
    await expect(resolve(reader, 'twin')).rejects.toMatchObject({
      code: 'NAME_CONFLICT',
      details: { peers: expect.arrayContaining(twins.map(({ peerId }) => peerId.toString())) }
    })
  })

  it('that two delegates gave leads to nobody, and to the one that is left when the other is revoked', async () => {
    const issuers = [await network.member('one', { mayAdmit: true }), await network.member('two', { mayAdmit: true })]
    const twins = await Promise.all(issuers.map((issuer) => network.member('twin', { issuer })))
    const nodes = await startApart(twins)
    const [reader, , first, second] = nodes
    if (reader === undefined || first === undefined || second === undefined) throw new Error('not started')
    await expect(resolve(reader, 'twin')).rejects.toMatchObject({ code: 'NAME_CONFLICT' })
    await revokeAt(reader, network, first)
    const candidates = await resolve(reader, 'twin')
    expect(candidates.map(({ peerId }) => peerId.toString())).toEqual([second.member.peerId.toString()])
  })

  it('that the root gave twice leads to nobody, though one of the two is connected', async () => {
    const [connected, other] = [await network.member('twin'), await network.member('twin')]
    const [reader] = await startApart([other])
    if (reader === undefined) throw new Error('not started')
    const near = await startNode(network, connected)
    await connect(near, reader)
    forgetOthers(reader)
    // the first answer does not wait for the network; it is asked meanwhile
    await resolve(reader, 'twin').catch(() => undefined)
    await until(() => reader.book.get(other.peerId) !== undefined)
    await expect(resolve(reader, 'twin')).rejects.toMatchObject({ code: 'NAME_CONFLICT' })
  })
})

describe('a peer id', () => {
  it('in either form leads to its peer where anything is known of it', async () => {
    const [alice, bob] = await startNodes(network, 2)
    const base36 = bob.member.peerId.toCID().toString((await import('multiformats/bases/base36')).base36)
    for (const text of [bob.member.peerId.toString(), base36])
      expect((await resolve(alice, `${text}/web`))[0]).toMatchObject({ name: 'member-1', service: 'web' })
    const unknown = await network.member('unknown')
    await expect(resolve(alice, unknown.peerId.toString())).rejects.toMatchObject({ code: 'PEER_UNKNOWN' })
  })

  it('of an agent that has left leads to nobody', async () => {
    const [reader, , alice] = await startNodes(network, 3)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })
    await alice.discovery.withdraw()
    await alice.stop()
    await until(() => !reader.host.libp2p.services.admission.has(alice.member.peerId))
    await expect(resolve(reader, alice.member.peerId.toString())).rejects.toMatchObject({
      code: 'PEER_UNKNOWN',
      message: expect.stringContaining('has left')
    })
    await expect(resolve(reader, 'cap:math')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
