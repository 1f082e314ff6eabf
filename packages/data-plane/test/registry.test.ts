import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { limits, parseTarget } from '@agent-mesh/wire'
import { TunnelRegistry } from '../src/tunnel/registry.ts'
import { startPair, portOf, type Pair } from './libp2p-pair.ts'
import { RawPeer } from './raw-stream.ts'
import { echo, openClient, request, startService, type TestService } from './servers.ts'

describe('the registry of tunnels', () => {
  let pair: Pair
  let service: TestService
  let port: number
  beforeEach(async () => {
    pair = await startPair()
    service = await startService(echo)
    pair.callee.plane.addService(makeService('echo', service.address))
    port = portOf(
      (
        await pair.caller.plane.addForward({
          listen: parseListenAddress('127.0.0.1:0'),
          target: parseTarget('callee/echo')
        })
      ).listen
    )
  })
  afterEach(async () => {
    await pair.stop()
    service.stop()
  })

  const client = async () => {
    const one = openClient(port)
    one.socket.write('hello')
    await once(one.socket, 'data')
    return one
  }

  it('knows who, to what, how much and since when, on both sides', async () => {
    const { socket } = await client()
    const [out] = pair.caller.plane.tunnels.list()
    const [into] = pair.callee.plane.tunnels.list()
    expect(out).toMatchObject({
      peerId: pair.callee.node.peerId.toString(),
      service: 'echo',
      direction: 'outbound',
      path: 'local',
      bytesIn: 5,
      bytesOut: 5
    })
    expect(into).toMatchObject({
      peerId: pair.caller.node.peerId.toString(),
      service: 'echo',
      direction: 'inbound',
      path: 'local',
      bytesIn: 5,
      bytesOut: 5
    })
    expect(Date.now() - (into?.sinceMs ?? 0)).toBeLessThan(5_000)
    socket.destroy()
  })

  it('tells who is behind the address that the service sees, as long as the tunnel is open', async () => {
    const { socket } = await client()
    const [upstream] = service.sockets
    const seen = `${upstream?.remoteAddress}:${upstream?.remotePort}`
    expect(pair.callee.plane.tunnels.whois(seen)).toMatchObject({
      peerId: pair.caller.node.peerId.toString(),
      service: 'echo'
    })
    expect(pair.callee.plane.tunnels.whois(`[::ffff:127.0.0.1]:${upstream?.remotePort}`)).toBeDefined()
    expect(pair.callee.plane.tunnels.whois('127.0.0.1:1')).toBeUndefined()
    socket.end()
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.whois(seen)).toBeUndefined())
  })

  it('closes all tunnels with a peer, with a code', async () => {
    const clients = await Promise.all([client(), client()])
    pair.callee.plane.tunnels.closePeer('nobody', 'DENIED')
    for (const { socket } of clients) {
      socket.write('still there?')
      await once(socket, 'data')
    }
    pair.callee.plane.tunnels.closePeer(pair.caller.node.peerId.toString(), 'DENIED')
    expect((await Promise.all(clients.map((one) => one.received))).map((one) => one.error)).toEqual([
      'ECONNRESET',
      'ECONNRESET'
    ])
    await vi.waitFor(() =>
      expect(
        pair.caller.events.filter((event) => event.event === 'tunnel:closed' && event.code === 'DENIED').length
      ).toBe(2)
    )
  })

  it('drains: refuses new tunnels, lets the running ones finish, then resets the rest', async () => {
    const [finishing, lasting] = await Promise.all([client(), client()])
    const stopped = vi.fn()
    const stopping = pair.callee.plane.stop({ drainTimeoutMs: 600 }).then(stopped)
    const refused = new RawPeer(await pair.rawStream())
    refused.open('echo')
    await refused.closed
    expect(refused.answerCode).toBe('SHUTTING_DOWN')
    expect((await request(port, Buffer.from('x'))).error).toBe('ECONNRESET')
    finishing.socket.end(' again')
    expect(await finishing.received).toEqual({ data: Buffer.from('hello again'), error: undefined })
    expect(stopped).not.toHaveBeenCalled()
    expect((await lasting.received).error).toBe('ECONNRESET')
    await stopping
    expect(pair.callee.plane.tunnels.size).toBe(0)
    expect(pair.caller.events).toContainEqual(
      expect.objectContaining({ event: 'tunnel:closed', code: 'SHUTTING_DOWN' })
    )
  })

  it('drains at once where nothing runs, and closes the doors', async () => {
    const startedMs = performance.now()
    await pair.caller.plane.stop()
    expect(performance.now() - startedMs).toBeLessThan(500)
    expect((await request(port, Buffer.from('x'))).error).toBe('ECONNREFUSED')
    await expect(pair.caller.plane.openTarget(parseTarget('callee/echo'))).rejects.toMatchObject({
      code: 'SHUTTING_DOWN'
    })
    await expect(
      pair.caller.plane.addForward({ listen: parseListenAddress('127.0.0.1:0'), target: parseTarget('callee/echo') })
    ).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
  })

  it('keeps more streams open than libp2p allows by default', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, client))
    expect(pair.callee.plane.tunnels.size).toBe(100)
    for (const { socket } of clients) socket.end()
    await Promise.all(clients.map((one) => one.received))
  })

  it('refuses one tunnel more than a peer may have', async () => {
    const registry = new TunnelRegistry({ tunnelsPerPeer: 2 })
    const stream = await pair.rawStream()
    registry.track(stream, 'peer', 'inbound')
    registry.check('peer')
    const { tunnel } = registry.track(stream, 'peer', 'inbound')
    expect(() => registry.check('peer')).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
    registry.check('other')
    tunnel.destroy()
    await vi.waitFor(() => registry.check('peer'))
    expect(limits.tunnelsPerPeer).toBe(pair.callee.plane.handlerOptions.maxInboundStreams)
  })
})
