import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { circuitAddresses } from '../../src/relay/reservation.ts'

const remotePeer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const relay = `/p2p/${remotePeer.toString()}`

const told = (reachedBy: string, ...said: string[]): string[] =>
  circuitAddresses(
    { remoteAddr: multiaddr(reachedBy), remotePeer },
    said.map((address) => multiaddr(address).bytes)
  ).map(String)

describe('addresses through a relay', () => {
  it('begin with the one by which it was reached, each once', () => {
    expect(told(`/ip4/5.10.0.2/tcp/4001${relay}`, '/ip4/5.10.0.2/tcp/4001', '/dns4/relay.example/tcp/4001')).toEqual([
      `/ip4/5.10.0.2/tcp/4001${relay}/p2p-circuit`,
      `/dns4/relay.example/tcp/4001${relay}/p2p-circuit`
    ])
  })

  it('are not those of its own loopback, unless it is on this machine', () => {
    const loopback = '/ip4/127.0.0.1/tcp/4001'
    expect(told('/ip4/5.10.0.2/tcp/4001', loopback, '/ip6/::1/tcp/4001')).toEqual([
      `/ip4/5.10.0.2/tcp/4001${relay}/p2p-circuit`
    ])
    expect(told(loopback)).toEqual([`${loopback}${relay}/p2p-circuit`])
  })

  it('are neither those of somebody else nor through a further relay', () => {
    const another = '12D3KooWQAgp3pXTxvCdygQ9BDTehC3n7UPZLcFuHDnGMZDdRisk'
    const said = [`/ip4/5.10.0.9/tcp/4001/p2p/${another}`, `/ip4/5.10.0.9/tcp/4001/p2p/${another}/p2p-circuit`]
    expect(told('/ip4/5.10.0.2/tcp/4001', ...said)).toEqual([`/ip4/5.10.0.2/tcp/4001${relay}/p2p-circuit`])
  })
})
