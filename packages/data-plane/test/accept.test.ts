import { Programs } from '../src/upstream/stdio/programs.ts'
import { Upstreams } from '../src/upstream/upstreams.ts'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, type Verdict } from '@agent-mesh/data-plane'
import {
  encodeCredit,
  encodeFin,
  encodeHeader,
  encodeReset,
  frameTypes,
  limits,
  toWireCode,
  type Metadata
} from '@agent-mesh/wire'
import { createAcceptor } from '../src/tunnel/accept.ts'
import { TunnelRegistry } from '../src/tunnel/registry.ts'
import { startBlackHole } from '@agent-mesh/testkit/black-hole'
import { listen, startPair, type Pair } from './libp2p-pair.ts'
import { openOf, RawPeer } from './raw-stream.ts'
import { bytes, echo, startService, type TestService } from './servers.ts'

const data = (payload: Uint8Array): Buffer => Buffer.concat([encodeHeader(frameTypes.data, payload.length), payload])

const within = async (ms: number, promise: Promise<void>): Promise<void> => {
  const startedMs = performance.now()
  await promise
  expect(performance.now() - startedMs).toBeLessThan(ms)
}

const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

describe('the accepting side', () => {
  let pair: Pair
  let service: TestService
  let verdict: Verdict = { allowed: true, rule: 'test' }
  const asked: string[] = []

  beforeAll(async () => {
    service = await startService(echo)
    pair = await startPair({
      authorizer: {
        mayOpen: (peer, name) => {
          asked.push(`${peer.toString()} ${name}`)
          return verdict
        }
      }
    })
    pair.callee.plane.addService(makeService('svc', service.address))
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })
  afterEach(async () => {
    verdict = { allowed: true, rule: 'test' }
    await vi.waitFor(() => {
      expect(pair.callee.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.budget.usage.tunnels).toBe(0)
      expect(service.sockets.size).toBe(0)
    }, 5_000)
  })

  const rawPeer = async (): Promise<RawPeer> => new RawPeer(await pair.rawStream())

  it('speaks the protocol that is written down', async () => {
    const peer = await rawPeer()
    peer.open('svc')
    peer.say(data(Buffer.from('ping')))
    await vi.waitFor(() => expect(peer.answer?.rest).toEqual(data(Buffer.from('ping'))))
    expect(peer.answer?.message).toMatchObject({ code: 0, reason: '' })
    peer.say(encodeFin())
    await vi.waitFor(() => expect(peer.answer?.rest.subarray(-4)).toEqual(Buffer.from(encodeFin())))
    await peer.stream.close()
    await within(1_000, peer.closed)
  })

  it('takes the open byte by byte, and early data with it', async () => {
    const peer = await rawPeer()
    const sent = [openOf('svc'), data(Buffer.from('early')), encodeFin()]
    for (const byte of Buffer.concat(sent)) peer.say(Uint8Array.of(byte))
    await vi.waitFor(() => expect(peer.answer?.rest).toEqual(Buffer.concat([data(Buffer.from('early')), encodeFin()])))
    await peer.stream.close()
    await peer.closed
  })

  it('asks who may before anything touches the service', async () => {
    verdict = { allowed: false, code: 'DENIED', layer: 'policy', rule: 'no grant names you' }
    const accepted = service.accepted()
    asked.length = 0
    const peer = await rawPeer()
    peer.open('svc')
    peer.say(data(Buffer.from('early bytes that nobody may see')))
    await within(1_000, peer.closed)
    expect(peer.answerCode).toBe('DENIED')
    expect(peer.answer?.message.reason).toBe('Service "svc" is not open to this caller (policy: no grant names you).')
    expect(peer.answer?.message.metadata).toEqual([
      { key: 'layer', value: new TextEncoder().encode('policy') },
      { key: 'rule', value: new TextEncoder().encode('no grant names you') }
    ])
    expect(asked).toEqual([`${pair.caller.node.peerId.toString()} svc`])
    expect(service.accepted()).toBe(accepted)
    expect(pair.callee.events).toContainEqual(
      expect.objectContaining({
        event: 'tunnel:refused',
        service: 'svc',
        code: 'DENIED',
        layer: 'policy',
        rule: 'no grant names you'
      })
    )
  })

  it('answers for a service that it does not know, that refuses and that cannot be reached', async () => {
    const closed = createServer()
    const port = await listen(closed)
    closed.close()
    await once(closed, 'close')
    pair.callee.plane.addService(makeService('refuses', `tcp://127.0.0.1:${port}`), { replace: true })
    pair.callee.plane.addService(makeService('nowhere', 'unix:/nonexistent/socket'), { replace: true })
    pair.callee.plane.addService(makeService('too-long', `unix:/${'x'.repeat(300)}`), { replace: true })
    const answers = []
    for (const name of ['unknown', 'refuses', 'nowhere', 'too-long']) {
      const peer = await rawPeer()
      peer.open(name)
      await within(1_000, peer.closed)
      answers.push([peer.answerCode, peer.answer?.message.reason])
    }
    expect(answers).toEqual([
      ['SERVICE_UNKNOWN', 'This agent offers no service "unknown".'],
      ['UPSTREAM_REFUSED', 'Service "refuses" does not accept connections.'],
      ['UPSTREAM_UNREACHABLE', 'Service "nowhere" cannot be reached by its agent.'],
      ['UPSTREAM_UNREACHABLE', 'Service "too-long" cannot be reached by its agent.']
    ])
    const logged = pair.callee.events.flatMap((event) => (event.event === 'tunnel:refused' ? [event.message] : []))
    expect(logged).toContain(`The service at 127.0.0.1:${port} refused the connection (ECONNREFUSED).`)
    expect(logged).toContain('The service at unix:/nonexistent/socket cannot be reached (ENOENT).')
  })

  it('waits for a silent service no longer than the caller does, and not for a caller that is gone', async () => {
    const hole = await startBlackHole()
    pair.callee.plane.addService(makeService('silent', `tcp://127.0.0.1:${hole.port}`), { replace: true })
    const patient = await rawPeer()
    patient.open('silent', [], 200)
    await within(1_000, patient.closed)
    expect([patient.answerCode, patient.answer?.message.reason]).toEqual([
      'UPSTREAM_TIMEOUT',
      'Service "silent" did not answer in time.'
    ])

    await vi.waitFor(() => expect(pair.callee.plane.tunnels.size).toBe(0))
    const before = openSockets()
    const goners = await Promise.all([rawPeer(), rawPeer()])
    for (const peer of goners) peer.open('silent')
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.size).toBe(2))
    await vi.waitFor(() => expect(openSockets()).toBe(before + 2))
    goners[0]?.say(encodeReset(toWireCode('CANCELLED')))
    goners[1]?.stream.abort(new Error('gone'))
    await vi.waitFor(() => {
      expect(pair.callee.plane.tunnels.size).toBe(0)
      expect(openSockets()).toBe(before)
    }, 1_000)
    await hole.stop()
  })

  it('refuses early data beyond the first credit', async () => {
    const hole = await startBlackHole()
    pair.callee.plane.addService(makeService('silent', `tcp://127.0.0.1:${hole.port}`), { replace: true })
    const peer = await rawPeer()
    peer.open('silent')
    peer.say(data(bytes(limits.creditInitialBytes)))
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.budget.usage.heldBytes).toBe(limits.creditInitialBytes))
    peer.say(data(Uint8Array.of(1)))
    await within(1_000, peer.closed)
    expect(peer.answerCode).toBe('TUNNEL_PROTOCOL')
    await hole.stop()
  })

  it('resets a sender that overruns its credit', async () => {
    const stalled = await startService((socket) => {
      socket.pause()
    })
    pair.callee.plane.addService(makeService('stalled', stalled.address), { replace: true })
    const peer = await rawPeer()
    peer.open('stalled')
    await vi.waitFor(() => expect(peer.answerCode).toBe('OK'))
    const frame = data(bytes(limits.frameBytes))
    for (let sent = 0; sent < 32 * 1024 * 1024; sent += frame.length) peer.say(frame)
    await peer.closed
    expect(peer.resetCode).toBe('TUNNEL_PROTOCOL')
    stalled.stop()
  })

  it.each<[string, Uint8Array[]]>([
    ['noise', [bytes(9000)]],
    ['text', [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20))]],
    ['a length beyond the limit', [Uint8Array.of(0x81, 0x40)]],
    ['an endless length', [Uint8Array.of(0xff, 0xff, 0xff)]],
    ['a message that is none', [Uint8Array.of(4, 0xff, 0xff, 0xff, 0xff)]],
    ['an empty message', [Uint8Array.of(0)]]
  ])('answers %s instead of an open with TUNNEL_PROTOCOL', async (_what, parts) => {
    const peer = await rawPeer()
    peer.say(...parts)
    await within(1_000, peer.closed)
    expect(peer.answerCode).toBe('TUNNEL_PROTOCOL')
  })

  it('takes as many metadata entries as the limit and not one more', async () => {
    const metadata: Metadata[] = Array.from({ length: limits.metadataEntries }, (_, i) => ({
      key: `x-unknown-${i}`,
      value: Uint8Array.of(i)
    }))
    const peer = await rawPeer()
    peer.open('svc', metadata)
    await vi.waitFor(() => expect(peer.answerCode).toBe('OK'))
    peer.stream.abort(new Error('done'))
    const greedy = await rawPeer()
    greedy.open('svc', [...metadata, { key: 'one', value: Uint8Array.of() }])
    await within(1_000, greedy.closed)
    expect(greedy.answerCode).toBe('TUNNEL_PROTOCOL')
  })

  it.each<[string, Uint8Array[]]>([
    ['an unknown frame type', [Uint8Array.of(9, 0, 0, 0)]],
    ['an empty DATA frame', [encodeHeader(frameTypes.data, 0)]],
    ['a DATA frame one byte too long', [encodeHeader(frameTypes.data, limits.frameBytes + 1)]],
    ['a FIN with a payload', [encodeHeader(frameTypes.fin, 1), Uint8Array.of(0)]],
    ['a CREDIT of three bytes', [encodeHeader(frameTypes.credit, 3), bytes(3)]],
    ['data after the FIN', [encodeFin(), data(Uint8Array.of(1))]],
    ['a second FIN', [encodeFin(), encodeFin()]],
    ['noise', [Buffer.from([7]), bytes(70_000)]]
  ])('resets a tunnel that brings %s with TUNNEL_PROTOCOL', async (_what, parts) => {
    const stalled = await startService((socket) => {
      socket.resume()
    })
    pair.callee.plane.addService(makeService('sink', stalled.address), { replace: true })
    const peer = await rawPeer()
    peer.open('sink')
    await vi.waitFor(() => expect(stalled.sockets.size).toBe(1))
    await vi.waitFor(() => expect(peer.answerCode).toBe('OK'))
    peer.say(...parts)
    await within(1_000, peer.closed)
    expect(peer.resetCode).toBe('TUNNEL_PROTOCOL')
    await vi.waitFor(() => expect(stalled.sockets.size).toBe(0))
    stalled.stop()
  })

  it.each<[string, Uint8Array[]]>([
    ['nothing', []],
    ['half an open', [Uint8Array.of(10, 1)]]
  ])('lets go of a stream that ends after %s', async (_what, parts) => {
    const peer = await rawPeer()
    if (parts.length > 0) peer.say(...parts)
    await peer.stream.close()
    await within(1_000, peer.closed)
    expect(peer.answerCode).toBe('CONNECTION_LOST')
  })

  it('takes the end of a stream without a FIN for a cut, in the middle of a frame or between two', async () => {
    for (const parts of [[encodeHeader(frameTypes.data, 100), bytes(50)], [data(bytes(100))]]) {
      const ends: string[] = []
      const sink = await startService((socket) => {
        socket.resume()
        socket.on('error', (err) => ends.push('code' in err ? String(err.code) : ''))
        socket.on('end', () => ends.push('end'))
      })
      pair.callee.plane.addService(makeService('sink', sink.address), { replace: true })
      const peer = await rawPeer()
      peer.open('sink')
      peer.say(...parts)
      await vi.waitFor(() => expect(peer.answerCode).toBe('OK'))
      await peer.stream.close()
      await within(1_000, peer.closed)
      expect(peer.resetCode).toBe('CONNECTION_LOST')
      await vi.waitFor(() => expect(ends).toEqual(['ECONNRESET']))
      sink.stop()
    }
  })

  it('goes on sending to a peer that closes its write end after its FIN', async () => {
    const data64 = bytes(64 * 1024)
    const source = await startService((socket) => {
      socket.resume()
      socket.once('end', () => socket.end(data64))
    })
    pair.callee.plane.addService(makeService('source', source.address), { replace: true })
    const peer = await rawPeer()
    peer.open('source')
    peer.say(encodeFin())
    await peer.stream.close()
    await within(1_000, peer.closed)
    expect(peer.answer?.rest.length).toBeGreaterThan(data64.length)
    expect(peer.answer?.rest.subarray(-4)).toEqual(Buffer.from(encodeFin()))
    source.stop()
  })

  it('lets go of a peer that said its FIN, grants nothing and goes away', async () => {
    const endless = await startService((socket) => {
      socket.resume()
      // More than the kernel takes, so that the service is still writing when it is over.
      socket.write(bytes(24 * 1024 * 1024))
    })
    pair.callee.plane.addService(makeService('endless', endless.address), { replace: true })
    const peer = await rawPeer()
    peer.open('endless')
    peer.say(encodeFin())
    await vi.waitFor(() => expect(peer.answer?.rest.length).toBeGreaterThan(limits.creditInitialBytes))
    await peer.stream.close()
    const [stream] = pair.callee.node.getConnections().flatMap((connection) => connection.streams)
    await vi.waitFor(() => expect(stream?.remoteWriteStatus).toBe('closed'))
    expect(pair.callee.plane.tunnels.size).toBe(1)
    peer.stream.abort(new Error('gone'))
    await vi.waitFor(() => {
      expect(pair.callee.plane.tunnels.size).toBe(0)
      expect(endless.sockets.size).toBe(0)
    }, 2_000)
    endless.stop()
  })

  it('closes a stream that stays open after both ends, in its time', async () => {
    const peer = await rawPeer()
    peer.open('svc')
    peer.say(encodeFin())
    await vi.waitFor(() => expect(peer.answer?.rest).toEqual(Buffer.from(encodeFin())))
    expect(pair.callee.plane.tunnels.size).toBe(1)
    await within(limits.tunnelCloseTimeoutMs + 1_000, peer.closed)
  }, 10_000)

  it('ignores credits that add up to anything', async () => {
    const peer = await rawPeer()
    peer.open('svc')
    for (let i = 0; i < 100; i++) peer.say(encodeCredit(0xffffffff), encodeCredit(0))
    peer.say(data(Buffer.from('x')), encodeFin())
    await vi.waitFor(() => expect(peer.answer?.rest.subarray(-4)).toEqual(Buffer.from(encodeFin())))
    await peer.stream.close()
  })
})

describe('a peer with too many tunnels', () => {
  it('is answered with LIMIT_EXCEEDED for one more', async () => {
    const service = await startService(echo)
    const pair = await startPair()
    const registry = new TunnelRegistry({ tunnelsPerPeer: 2 })
    const handler = createAcceptor({
      registry,
      authorizer: { mayOpen: () => ({ allowed: true, rule: 'test' }) },
      findService: (name) => makeService(name, service.address),
      upstreams: new Upstreams({ programs: new Programs() })
    })
    await pair.callee.node.handle('/limited', handler)
    const peers = []
    for (let i = 0; i < 3; i++) {
      const peer = new RawPeer(await pair.rawStream('/limited'))
      peer.open('svc')
      await vi.waitFor(() => expect(peer.answerCode).toBeDefined())
      peers.push(peer)
    }
    expect(peers.map((peer) => peer.answerCode)).toEqual(['OK', 'OK', 'LIMIT_EXCEEDED'])
    expect(service.accepted()).toBe(2)
    await pair.stop()
    await registry.drain(0)
    service.stop()
  })
})

describe('a silent stream', () => {
  it('is answered with TIMEOUT when its time is up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true, advanceTimeDelta: 20 })
    const pair = await startPair()
    const peer = new RawPeer(await pair.rawStream())
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.size).toBe(1))
    await vi.advanceTimersByTimeAsync(limits.tunnelOpenTimeoutMs - 1_000)
    expect(peer.isClosed).toBe(false)
    await vi.advanceTimersByTimeAsync(1_000)
    await peer.closed
    expect(peer.answerCode).toBe('TIMEOUT')
    vi.useRealTimers()
    await pair.stop()
  })
})
