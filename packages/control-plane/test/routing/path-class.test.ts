import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  comparePaths,
  localNetworks,
  pathClassOf,
  readLocalNetworks,
  sortForDial
} from '../../src/routing/path-class.ts'

const networks = readLocalNetworks({
  eth0: [
    {
      address: '192.168.7.2',
      netmask: '255.255.255.0',
      family: 'IPv4',
      mac: '',
      internal: false,
      cidr: '192.168.7.2/24'
    },
    {
      address: 'fd00:7::2',
      netmask: 'ffff:ffff::',
      family: 'IPv6',
      mac: '',
      internal: false,
      cidr: 'fd00:7::2/32',
      scopeid: 0
    }
  ],
  odd: [{ address: 'x', netmask: '', family: 'IPv4', mac: '', internal: false, cidr: null }]
})
const relay = '/ip4/5.5.5.5/tcp/1/p2p/12D3KooWGjtpfFtPJYq4L4okk7wnQdEEzVxymkNsErvE4T4Yqmut/p2p-circuit'

describe('the path of a connection', () => {
  it.each([
    ['/ip4/127.0.0.1/tcp/1', 'local'],
    ['/ip6/::1/tcp/1', 'local'],
    ['/ip4/192.168.7.9/tcp/1', 'local'],
    ['/ip6/fd00:7::9/tcp/1', 'local'],
    ['/ip4/169.254.1.1/tcp/1', 'local'],
    ['/ip4/192.168.8.9/tcp/1', 'direct'],
    ['/ip4/5.5.5.5/tcp/1', 'direct'],
    ['/dns4/localhost.example/tcp/1', 'direct'],
    [relay, 'relayed'],
    [`${relay}/webrtc`, 'webrtc'],
    ['/ip4/5.5.5.5/udp/1/webrtc-direct', 'webrtc']
  ])('to %s is %s', (address, path) => {
    expect(pathClassOf({ remoteAddr: multiaddr(address) }, networks)).toBe(path)
  })

  it('with limits is relayed, whatever its address says', () => {
    expect(pathClassOf({ remoteAddr: multiaddr('/ip4/5.5.5.5/tcp/1'), limits: { bytes: 1n } }, networks)).toBe(
      'relayed'
    )
  })

  it('is better the fewer hands it goes through', () => {
    expect((['relayed', 'webrtc', 'punched', 'direct', 'local'] as const).toSorted(comparePaths)).toEqual([
      'local',
      'direct',
      'punched',
      'webrtc',
      'relayed'
    ])
  })
})

it('addresses are dialled in the order of their promise', () => {
  const best = ['/ip4/192.168.7.9/tcp/1', '/ip4/5.5.5.5/tcp/1', '/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1', relay]
  const addresses = best.toReversed().map((text) => multiaddr(text))
  expect(sortForDial(addresses, networks).map(String)).toEqual(best)
})

describe('the networks of this machine', () => {
  afterEach(() => void vi.useRealTimers())

  it('are the same object as long as they are the same, as what was found out by them is kept by it', () => {
    vi.useFakeTimers()
    const before = localNetworks()
    vi.advanceTimersByTime(5_000)
    expect(localNetworks()).toBe(before)
  })
})
