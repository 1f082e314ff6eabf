import { afterEach, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type TestHost } from '@agent-mesh/testkit'
import { encodeFrame, type Frame } from '../../src/health/frame.ts'
import { withLength } from '../../src/health/frame-splitter.ts'
import { Links } from '../../src/health/links.ts'
import type { Connection } from '@libp2p/interface'

const protocol = '/test/links/1.0.0'
const hosts: TestHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop()
})

const probe: Frame = { is: 'probe', sequence: 1, claims: [] }

it('speaks where the neighbour was heard last: what it has left behind takes everything and leads nowhere', async () => {
  const network = await createTestNetwork()
  const alice = await createHost({ network, member: await network.member('alice') })
  const bob = await createHost({ network, member: await network.member('bob') })
  hosts.push(alice, bob)
  const links = new Links({
    protocol,
    admission: alice.libp2p.services.admission,
    now: () => performance.now(),
    random: Math.random,
    onFrame: () => heard(),
    onFailed: () => {}
  })
  const heard = vi.fn()
  links.start()
  await alice.libp2p.handle(protocol, links.handler)
  const said: string[] = []
  const open = async (name: string) => {
    const connection: Connection = await bob.libp2p.dial(alice.libp2p.getMultiaddrs(), { force: true })
    const stream = await connection.newStream(protocol)
    stream.addEventListener('message', () => said.push(name))
    stream.send(withLength(encodeFrame(probe)))
    return stream
  }
  const bobId = bob.libp2p.peerId.toString()
  const left = await open('left')
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
  await open('youngest')
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2))
  expect(links.send(bobId, probe)).toBe(true)
  await vi.waitFor(() => expect(said).toEqual(['youngest']))
  left.send(withLength(encodeFrame(probe)))
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(3))
  expect(links.send(bobId, probe)).toBe(true)
  await vi.waitFor(() => expect(said).toEqual(['youngest', 'left']))
  links.stop()
})
