import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { LanPeers } from '../../src/daemon/lan-peers.ts'
import { isLoopbackOnly } from '../../src/host/lan.ts'
import type { PeerId } from '@libp2p/interface'

const makePeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const peersOf = async (count: number): Promise<PeerId[]> => Promise.all(Array.from({ length: count }, makePeer))
const here = [multiaddr('/ip4/192.168.1.7/tcp/4001')]

const listen = async ({ members = [] as PeerId[], connects = false } = {}) => {
  const self = await makePeer()
  const dialled: string[] = []
  let nowMs = 0
  const lan = new LanPeers({
    self,
    admission: { has: (peer) => members.some((one) => one.equals(peer)), members: () => members },
    dialler: {
      connect: async (peer) => {
        dialled.push(peer.toString())
        if (!connects) return new Promise(() => {})
        throw new Error('nobody is there')
      }
    },
    events: { emit: () => {} },
    now: () => nowMs
  })
  return { self, lan, dialled, pass: (ms: number) => (nowMs += ms) }
}

describe('who is heard of on the local network', () => {
  it('is dialled, but not oneself and not who is here already', async () => {
    const [peer, member] = await peersOf(2)
    if (peer === undefined || member === undefined) throw new Error('two peers')
    const { self, lan, dialled } = await listen({ members: [member] })
    for (const one of [self, member, peer]) lan.heard(one, here)
    expect(dialled).toEqual([peer.toString()])
  })

  it('is dialled once a minute, as long as it is remembered', async () => {
    const [peer] = await peersOf(1)
    if (peer === undefined) throw new Error('one peer')
    const { lan, dialled, pass } = await listen({ connects: true })
    lan.heard(peer, here)
    pass(limits.lanDialEveryMs - 1)
    lan.heard(peer, here)
    expect(dialled).toHaveLength(1)
    pass(1)
    lan.heard(peer, here)
    expect(dialled).toHaveLength(2)
    for (const other of await peersOf(limits.lanPeers)) {
      lan.heard(other, here)
      await vi.waitFor(() => expect(dialled.at(-1)).toBe(other.toString()))
    }
    lan.heard(peer, here)
    await vi.waitFor(() => expect(dialled.at(-1)).toBe(peer.toString()))
  })

  it('is not dialled beside too many others', async () => {
    const { lan, dialled } = await listen()
    for (const peer of await peersOf(limits.lanDials + 1)) lan.heard(peer, here)
    expect(dialled).toHaveLength(limits.lanDials)
    const [peer] = await peersOf(1)
    if (peer === undefined) throw new Error('one peer')
    const full = await listen({ members: await peersOf(limits.lanMembers) })
    full.lan.heard(peer, here)
    expect(full.dialled).toEqual([])
    const almost = await listen({ members: await peersOf(limits.lanMembers - 1) })
    almost.lan.heard(peer, here)
    expect(almost.dialled).toEqual([peer.toString()])
  })
})

describe('multicast', () => {
  it('is for those who can be dialled from another machine', () => {
    expect(isLoopbackOnly(['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'])).toBe(true)
    expect(isLoopbackOnly(['/ip4/127.0.0.1/tcp/0', '/ip4/0.0.0.0/tcp/0'])).toBe(false)
  })
})
