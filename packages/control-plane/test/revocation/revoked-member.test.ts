import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestNetwork } from '@agent-mesh/testkit'
import { parseTarget } from '@agent-mesh/wire'
import { collect } from '../discovery/collect.ts'
import { connect, forgetOthers, revokeAt, signal, startNode, startNodes, stopNodes, until } from '../discovery/node.ts'

afterEach(stopNodes)

describe('a revoked member', () => {
  it('is put out, refused, not dialled, and gone from what is found, until it has a new certificate', async () => {
    const network = await createTestNetwork()
    const [alice, bob, carol] = await startNodes(network, 3)
    await bob.discovery.publish({ ...bob.plain(), capabilities: ['math'] })
    await alice.discovery.record(bob.member.peerId, { signal: signal() })
    const { admission } = alice.host.libp2p.services
    for (const node of [alice, carol]) await revokeAt(node, network, bob)
    expect(admission.has(bob.member.peerId)).toBe(false)
    await until(() => bob.host.libp2p.getConnections().length === 0)
    await until(() => alice.dht.routingTable.size === 1)
    // its records and its name
    const found = async (): Promise<number> =>
      (await collect(alice.discovery.find('math', { signal: signal() }))).length
    expect(await found()).toBe(0)
    forgetOthers(alice)
    expect(await found()).toBe(0)
    expect(await alice.discovery.record(bob.member.peerId, { signal: signal() })).toBeUndefined()
    await expect(alice.resolver.resolve(parseTarget(bob.member.name), { signal: signal() })).rejects.toMatchObject({
      code: 'NAME_UNKNOWN'
    })
    // in both directions
    for (const target of [bob.member.peerId.toString()])
      await expect(alice.resolver.resolve(parseTarget(target), { signal: signal() })).rejects.toMatchObject({
        code: 'REVOKED'
      })
    await expect(alice.dialler.connect(bob.member.peerId, { signal: signal() })).rejects.toMatchObject({
      code: 'REVOKED'
    })
    const connection = await bob.host.libp2p.dial(alice.host.libp2p.getMultiaddrs())
    await expect(bob.host.libp2p.services.admission.waitFor(connection)).rejects.toMatchObject({ code: 'REVOKED' })
    await bob.stop()
    // admitted again
    const { name, privateKey } = bob.member
    const member = await network.member(name, { privateKey, notBeforeMs: Date.now() + 1 })
    const again = await startNode(network, member)
    await connect(again, alice)
    await connect(again, carol)
    await again.discovery.publish({ ...again.plain(), capabilities: ['math'] })
    await vi.waitFor(async () => expect(await found()).toBe(1), 5_000)
  })

  it('that nobody here has seen is refused at its hello', async () => {
    const network = await createTestNetwork()
    const [alice, bob] = [await startNode(network, 'alice'), await startNode(network, 'bob')]
    await revokeAt(alice, network, bob)
    const addresses = bob.host.libp2p.getMultiaddrs()
    await expect(alice.dialler.connect(bob.member.peerId, { signal: signal(), addresses })).rejects.toMatchObject({
      code: 'REVOKED'
    })
  })

  it('is followed by its renewed certificate, which its record brings', async () => {
    const network = await createTestNetwork()
    const [alice, bob] = await startNodes(network, 2)
    const { name, privateKey, peerId } = bob.member
    const renewed = await network.member(name, { privateKey, groups: ['ops'], notBeforeMs: Date.now() })
    bob.membership.chain = renewed.chain
    await bob.discovery.publish(bob.plain())
    const { admission } = alice.host.libp2p.services
    await until(() => admission.greeting(peerId)?.membership.groups.includes('ops') === true)
    expect(admission.membership(peerId)?.groups).toEqual(['ops'])
  })
})
