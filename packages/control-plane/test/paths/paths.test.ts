import { connect, createServer, type Server, type Socket } from 'node:net'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import { createPaths, type Paths, type PathsInit } from '../../src/paths/paths.ts'
import { signal, startNode, stopNodes, type TestNode } from '../discovery/node.ts'

let network: TestNetwork
const cleanUps: Array<() => unknown> = []
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map(async (cleanUp) => cleanUp()))
  await stopNodes()
})

const addressOf = (node: TestNode): Multiaddr => {
  const [address] = node.host.libp2p.getMultiaddrs()
  if (address === undefined) throw new Error('the node does not listen')
  return address
}

/** A way to a node on which packets can get lost without a word. */
const startLink = async (node: TestNode): Promise<{ address: Multiaddr; setSilent: (isSilent: boolean) => void }> => {
  const port = Number(
    addressOf(node)
      .getComponents()
      .find(({ name }) => name === 'tcp')?.value
  )
  const sockets = new Set<Socket>()
  let isSilent = false
  const server: Server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('data', (chunk) => to.write(chunk))
      from.on('close', () => to.destroy())
      if (isSilent) from.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    address: multiaddr(`/ip4/127.0.0.1/tcp/${address.port}`),
    setSilent: (is) => {
      isSilent = is
      for (const socket of sockets)
        if (is) socket.pause()
        else socket.resume()
    }
  }
}

const startPaths = async (node: TestNode, options: Partial<PathsInit> = {}): Promise<Paths> => {
  const { admission } = node.host.libp2p.services
  const paths = createPaths({
    networkId: network.networkId,
    admission,
    host: node.host.libp2p,
    attempts: { direct: async (peer, limit) => node.dialler.attempt(peer, 'direct', limit) },
    trafficOf: () => ({}),
    ...options
  })
  await node.host.libp2p.handle(protocols(network.networkId).echo, paths.handler, paths.handlerOptions)
  paths.start()
  cleanUps.unshift(() => paths.stop())
  return paths
}

describe('paths between two nodes', () => {
  it(
    'leaves a connection that went silent within 7 s, closes it as a zombie, and uses another',
    { timeout: 60_000 },
    async () => {
      const [alice, bob] = [await startNode(network, 'alice'), await startNode(network, 'bob')]
      const closed = vi.fn()
      const paths = await startPaths(alice, { onClosed: closed, knobs: { zombieMs: 6_000 } })
      await startPaths(bob)
      const { admission } = alice.host.libp2p.services
      const peer = bob.member.peerId
      const link = await startLink(bob)
      const first = await alice.dialler.connect(peer, { signal: signal(), addresses: [link.address] })
      await alice.host.libp2p.peerStore.patch(peer, { multiaddrs: [addressOf(bob)] })
      expect(paths.choose(peer, admission.connections(peer))).toBe(first)
      expect(await paths.measure(first, signal())).toBeLessThan(1_000)
      paths.wanted(peer)
      link.setSilent(true)
      const silentMs = performance.now()
      const another = await vi.waitUntil(
        () => {
          const chosen = paths.choose(peer, admission.connections(peer))
          return chosen !== undefined && chosen !== first ? chosen : undefined
        },
        { timeout: 15_000, interval: 50 }
      )
      expect(performance.now() - silentMs).toBeLessThan(7_000)
      expect(another.status).toBe('open')
      expect(first.status).toBe('open') // its tunnels may yet come back
      await vi.waitFor(() => expect(first.status).not.toBe('open'), { timeout: 15_000 })
      expect(closed).toHaveBeenCalledWith(peer, 'local', 'zombie')
      expect(another.status).toBe('open')
    }
  )

  it('takes a member that knows no echoes for none that is silent', async () => {
    const [alice, bob] = [await startNode(network, 'alice'), await startNode(network, 'bob')]
    const paths = await startPaths(alice, { knobs: { echoMs: 20, doubtMs: 20, silentMs: 50, zombieMs: 100 } })
    const peer = bob.member.peerId
    const connection = await alice.dialler.connect(peer, { signal: signal(), addresses: [addressOf(bob)] })
    paths.wanted(peer)
    await expect(paths.measure(connection, signal())).rejects.toMatchObject({ name: 'UnsupportedProtocolError' })
    await vi.waitFor(() => expect(paths.choose(peer, [connection])).toBe(connection))
    expect(connection.status).toBe('open')
  })

  it('sends back as many echoes as one may ask for at once, and cuts off whoever asks for one more', async () => {
    const [alice, bob] = [await startNode(network, 'alice'), await startNode(network, 'bob')]
    await startPaths(bob, { now: () => 0 }) // nothing flows into the bucket
    const connection = await alice.dialler.connect(bob.member.peerId, { signal: signal(), addresses: [addressOf(bob)] })
    const stream = await connection.newStream(protocols(network.networkId).echo, { signal: signal() })
    let received = 0
    stream.addEventListener('message', ({ data }) => (received += data.byteLength))
    for (let sent = 0; sent < limits.echoesAtOnce; sent++) stream.send(new Uint8Array(8))
    await vi.waitFor(() => expect(received).toBe(8 * limits.echoesAtOnce))
    expect(stream.status).toBe('open')
    stream.send(new Uint8Array(8))
    await vi.waitFor(() => expect(stream.status).not.toBe('open'))
    expect(received).toBe(8 * limits.echoesAtOnce)
  })
})
