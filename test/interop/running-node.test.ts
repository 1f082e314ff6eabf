/** A running node and a host of go-libp2p, which is no member. */
import { expect, it, vi } from 'vitest'
import { createMesh } from '../e2e/harness/mesh.ts'
import { buildGo, whyNoGo } from './harness/go.ts'
import { startPeer } from './harness/peer.ts'

const noGo = await whyNoGo()
const why = noGo === undefined ? '' : ` [${noGo}]`

it.skipIf(noGo !== undefined)(
  `go-libp2p gets a connection to a running node, and no place in its mesh: it is closed without a hello${why}`,
  async () => {
    const { alice } = await createMesh({ members: ['alice'] })
    const peer = await startPeer(await buildGo('peer'))
    const [address = ''] = alice.ready.addresses
    const command = { do: 'dial', address: `${address.replace(/\/p2p\/.*/, '')}/p2p/${alice.peerId}` } as const
    const patience = { timeout: 60_000, interval: 200 }
    await vi.waitFor(async () => {
      // a busy machine may be late for the handshake of libp2p
      const { error, connections } = await peer.ask(command)
      expect(error).toBeUndefined()
      expect(connections).toEqual([
        { peer: alice.peerId, security: '/tls/1.0.0', muxer: '/yamux/1.0.0', isEarlyMuxer: true }
      ])
    }, patience)
    expect(await alice.peers()).toEqual([])
    await vi.waitFor(async () => expect((await peer.ask({ do: 'connections' })).connections).toEqual([]), patience)
    expect(await alice.peers()).toEqual([])
  }
)
