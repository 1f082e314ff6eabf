import { multiaddr } from '@multiformats/multiaddr'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork, VirtualClock } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { createRememberedPeers } from '../../src/discovery/remembered-peers.ts'

const address = multiaddr('/ip4/127.0.0.1/tcp/4001')
let ids: string[]
beforeAll(async () => {
  const network = await createTestNetwork()
  ids = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => (await network.member(name)).peerId.toString()))
})

describe('remembered peers', () => {
  it('come back from what was stored, the best first', () => {
    const clock = new VirtualClock()
    const peers = createRememberedPeers({ now: clock.now })
    for (const id of ids) {
      peers.admitted(id, [address.encapsulate(`/p2p/${id}`)])
      clock.advance(1_000)
    }
    peers.failed(ids[3] ?? '')
    const stored: unknown = JSON.parse(JSON.stringify(peers))
    const again = createRememberedPeers({ stored, now: clock.now })
    expect(again.ranked().map((peer) => peer.peerId)).toEqual([ids[2], ids[1], ids[0], ids[3]])
    expect(again.get(ids[0] ?? '')).toMatchObject({ addresses: ['/ip4/127.0.0.1/tcp/4001'], failures: 0 })
    again.admitted(ids[3] ?? '', [])
    expect(again.ranked()[0]).toMatchObject({ peerId: ids[3], failures: 0, addresses: ['/ip4/127.0.0.1/tcp/4001'] })
    again.forget(ids[3] ?? '')
    expect(again.ranked()).toHaveLength(3)
  })

  it('are bounded: the worst one goes', () => {
    const clock = new VirtualClock()
    const peers = createRememberedPeers({ now: clock.now, size: 2 })
    for (const id of ids.slice(0, 3)) {
      peers.admitted(id, [address])
      clock.advance(1)
    }
    expect(peers.ranked().map((peer) => peer.peerId)).toEqual([ids[2], ids[1]])
    const many = Array.from({ length: limits.addressesPerRecord + 1 }, (_, i) =>
      multiaddr(`/ip4/127.0.0.1/tcp/${i + 1}`)
    )
    peers.admitted(ids[0] ?? '', many)
    expect(peers.get(ids[0] ?? '')?.addresses).toHaveLength(limits.addressesPerRecord)
  })

  it('without an address are of no use', () => {
    const peers = createRememberedPeers()
    peers.admitted(ids[0] ?? '', [])
    peers.failed(ids[1] ?? '')
    expect(peers.ranked()).toEqual([])
  })

  it('survive damage to what was stored: the damaged entries are left out', () => {
    const good = { peerId: ids[0], addresses: [address.toString()], lastAdmittedMs: 1, failures: 0 }
    const damaged: unknown[] = [
      null,
      7,
      'text',
      {},
      { ...good, peerId: 'nobody' },
      { ...good, addresses: ['nowhere'] },
      { ...good, addresses: [] },
      { ...good, addresses: 'x' },
      { ...good, failures: -1 },
      { ...good, lastAdmittedMs: 'now' }
    ]
    expect(createRememberedPeers({ stored: [...damaged, good] }).ranked()).toEqual([good])
    for (const stored of [undefined, null, 'text', { peers: [] }])
      expect(createRememberedPeers({ stored }).ranked()).toEqual([])
  })
})
