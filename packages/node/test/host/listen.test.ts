import { once } from 'node:events'
import { createServer } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { chosenPorts, stillFree, withKnownPorts } from '../../src/host/listen.ts'

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

  it('that somebody else holds by now are given up, the others kept', async () => {
    const holder = createServer()
    holder.listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const taken: number[] = []
    const ports = { '/ip4/127.0.0.1/tcp/0': address.port }
    expect(await stillFree(ports, (_, port) => taken.push(port), 0)).toEqual({})
    expect(taken).toEqual([address.port])
    holder.close()
    await once(holder, 'close')
    expect(await stillFree(ports, (_, port) => taken.push(port), 0)).toEqual(ports)
    expect(taken).toHaveLength(1)
  })
})
