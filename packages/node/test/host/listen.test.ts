import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { chosenPorts, withKnownPorts } from '../../src/host/listen.ts'

describe('ports', () => {
  it('that were chosen once are asked for again', () => {
    const listen = ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0', '/ip4/127.0.0.1/tcp/9']
    const bound = ['/ip6/::1/tcp/7001', '/ip4/127.0.0.1/tcp/7000', '/ip4/127.0.0.1/tcp/9'].map((text) =>
      multiaddr(text)
    )
    const ports = chosenPorts(listen, bound)
    expect(ports).toEqual({ '/ip4/127.0.0.1/tcp/0': 7000, '/ip6/::1/tcp/0': 7001 })
    expect(withKnownPorts(listen, ports)).toEqual([
      '/ip4/127.0.0.1/tcp/7000',
      '/ip6/::1/tcp/7001',
      '/ip4/127.0.0.1/tcp/9'
    ])
  })

  it('of two listeners of one family are not mixed up', () => {
    const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/0.0.0.0/tcp/0']
    expect(
      Object.values(chosenPorts(listen, [multiaddr('/ip4/127.0.0.1/tcp/1'), multiaddr('/ip4/127.0.0.1/tcp/2')]))
    ).toEqual([1, 2])
  })
})
