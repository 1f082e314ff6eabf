import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { pathClassOf } from '@agent-mesh/control-plane'
import { limits, protocols } from '@agent-mesh/wire'
import { webRtcAttempt } from '../../src/daemon/webrtc-attempt.ts'
import { bindAddressOf } from '../../src/host/webrtc.ts'
import { startPair, type Pair } from './webrtc-pair.ts'
import type { WebRTCTransportInit } from '@libp2p/webrtc'

const MiB = 1024 * 1024
const open: Pair[] = []
const servers: Server[] = []
const pairOf = async (...args: Parameters<typeof startPair>): Promise<Pair> => {
  const pair = await startPair(...args)
  open.push(pair)
  return pair
}
const signal = (): AbortSignal => AbortSignal.timeout(15_000)
const digestOf = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

const forwardTo = async (pair: Pair, serve: (socket: Socket) => void): Promise<number> => {
  const server = createServer({ allowHalfOpen: true }, serve)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return pair.forward('data', address.port)
}

/** An offer as the native library writes it, but for what is given. */
const offer = ({
  ufrag = 'abcd',
  fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`,
  setup = 'actpass'
}): string =>
  [
    'v=0',
    'o=rtc 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    `a=fingerprint:${fingerprint}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sctp-port:5000',
    `a=setup:${setup}`,
    `a=ice-ufrag:${ufrag}`,
    'a=ice-pwd:Ncm6CTWYd8axTnoXM7Mh5O',
    ''
  ].join('\r\n')

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(value >> 7)])

/** As signalling sends it: a length, the kind (0 is an offer, 2 a candidate) and the text. */
const offerMessage = (text: string, kind = 0): Uint8Array => {
  const data = Buffer.from(text)
  const body = Buffer.from([8, kind, 18, ...varint(data.length), ...data])
  return Buffer.from([...varint(body.length), ...body])
}

afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  for (const pair of open.splice(0)) await pair.stop()
})

describe('a WebRTC connection', () => {
  it('is made over a relayed one, admitted, and carries bytes exactly', async () => {
    const pair = await pairOf()
    const { caller, callee, relayed } = pair
    expect(caller.webrtc.state()).toEqual({ state: 'unused' })
    const connection = await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    expect(pathClassOf(connection)).toBe('webrtc')
    expect(connection).toMatchObject({ direct: true, limits: undefined, status: 'open' })
    expect(caller.libp2p.services.admission.isAdmitted(connection)).toBe(true)
    expect([caller, callee].map(({ webrtc }) => webrtc.state().state)).toEqual(['ready', 'ready'])
    await relayed.close()
    pair.use(connection)
    const data = Buffer.alloc(10 * MiB, 'seventeen letters')
    const port = await forwardTo(pair, (socket) => socket.pipe(socket))
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.end(data)
    await once(socket, 'end')
    expect(digestOf(Buffer.concat(parts))).toBe(digestOf(data))
    expect(callee.libp2p.getConnections().map((one) => pathClassOf(one))).toContain('webrtc')
  })

  it('stops the sender of a reader that stops, within the window of its tunnel', async () => {
    const pair = await pairOf()
    const { caller, callee, relayed } = pair
    const connection = await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    pair.use(connection)
    const data = Buffer.alloc(48 * MiB, 'seventeen letters')
    let sent = 0
    const port = await forwardTo(pair, (socket) => {
      socket.resume()
      for (let at = 0; at < data.length; at += MiB) {
        socket.write(data.subarray(at, at + MiB), () => {
          sent += MiB
        })
      }
      socket.end()
    })
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    await once(socket, 'data')
    socket.pause()
    let before = -1
    await vi.waitFor(
      () => {
        const { heldBytes } = caller.plane.tunnels.budget.usage
        const isStill = heldBytes > 0 && heldBytes === before
        before = heldBytes
        expect(isStill).toBe(true)
      },
      { timeout: 20_000, interval: 1_000 }
    )
    expect(before).toBeLessThanOrEqual(limits.creditMaxBytes)
    expect(sent).toBeLessThan(data.length)
    socket.resume()
    await once(socket, 'end')
    socket.end()
    expect(digestOf(Buffer.concat(parts))).toBe(digestOf(data))
    await vi.waitFor(() => expect(caller.plane.tunnels.size + callee.plane.tunnels.size).toBe(0))
  })

  it('asks the STUN servers that are named at that moment, and nobody else', async () => {
    const inits: WebRTCTransportInit[] = []
    let named = ['192.0.2.7:3478']
    const { caller, callee, relayed } = await pairOf({
      caller: {
        stunServers: () => named,
        load: async () => {
          const { webRTC } = await import('@libp2p/webrtc')
          return {
            webRTC: (init = {}) => {
              inits.push(init)
              return webRTC(init)
            }
          }
        }
      }
    })
    named = []
    await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    const [init] = inits
    const configuration = async () =>
      typeof init?.rtcConfiguration === 'function' ? init.rtcConfiguration() : init?.rtcConfiguration
    // An empty list is not the same as none, for which the library asks public servers.
    expect(await configuration()).toEqual({ iceServers: [], bindAddress: '127.0.0.1' })
    named = ['192.0.2.8:1']
    expect(await configuration()).toMatchObject({ iceServers: [{ urls: ['stun:192.0.2.8:1'] }] })
    named = Array.from({ length: limits.stunServersAsked + 1 }, (_, at) => `192.0.2.${at}:1`)
    expect((await configuration())?.iceServers).toHaveLength(limits.stunServersAsked)
  })

  it('is made as an attempt of the paths, over what there is', async () => {
    const { caller, callee, relayed, network } = await pairOf()
    const { admission } = caller.libp2p.services
    const attempt = webRtcAttempt({ admission, webrtc: caller.webrtc })
    const stranger = (await network.member('nobody')).peerId
    await expect(attempt(stranger, signal())).rejects.toMatchObject({ code: 'UNREACHABLE' })
    const connection = await attempt(callee.libp2p.peerId, signal())
    expect(connection.id).not.toBe(relayed.id)
    expect(pathClassOf(connection)).toBe('webrtc')
  })

  it('is not made with one whose machine lacks the native module, and says why', async () => {
    const { caller, callee, relayed } = await pairOf({
      caller: {
        load: async () => {
          throw new Error('Cannot find package @node-datachannel/linux-riscv64')
        }
      }
    })
    const attempt = caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    await expect(attempt).rejects.toMatchObject({
      code: 'WEBRTC_UNAVAILABLE',
      message: 'WebRTC cannot be used on this machine: Cannot find package @node-datachannel/linux-riscv64.'
    })
    expect(caller.webrtc.state()).toMatchObject({ state: 'unavailable' })
    expect(relayed.status).toBe('open')
    expect(callee.webrtc.state()).toEqual({ state: 'unused' })
  })

  it('fails within its time where the other side cannot answer, and leaves the relayed one alone', async () => {
    const { caller, callee, relayed } = await pairOf({
      callee: { load: async () => new Promise(() => {}) },
      caller: { setupMs: 500 }
    })
    const attempt = caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    await expect(attempt).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(relayed.status).toBe('open')
  })

  it('is not made of an offer that is none, which harms nobody', async () => {
    const { caller, callee, relayed, network } = await pairOf({ callee: { setupMs: 1_000 } })
    await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    const bad = [
      '',
      `v=0\r\nm=\u0000\u0001${'x'.repeat(50_000)}`,
      offer({ ufrag: `!! \u0007${'%n'.repeat(300)}` }),
      offer({ fingerprint: 'sha-256 00:11' }),
      offer({ setup: '%s%s%s%n' })
    ]
    for (const text of bad) {
      const stream = await relayed.newStream(protocols(network.networkId).webrtc)
      stream.send(offerMessage(text))
      stream.send(offerMessage('{"candidate":"candidate:1 1 UDP 99999999999 !! 99999999 typ host","sdpMid":"0"}', 2))
      await vi.waitFor(() => expect(stream.status).not.toBe('open'), 5_000)
    }
    expect(callee.webrtc.state()).toEqual({ state: 'ready' })
    const again = await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal: signal() })
    expect(again.status).toBe('open')
  })

  it('is refused to the ninth that wants one at once, and one connection may ask for two', async () => {
    const { caller, callee, relayed, network } = await pairOf({ callee: { load: async () => new Promise(() => {}) } })
    const id = protocols(network.networkId).webrtc
    const streams = await Promise.all(
      Array.from({ length: limits.webRtcSetupsPerConnection + 1 }, async () => relayed.newStream(id))
    )
    await vi.waitFor(() => expect(streams.filter(({ status }) => status !== 'open')).toHaveLength(1))
    for (const stream of streams) stream.abort(new Error('over'))
    const never = new AbortController()
    const attempts = Array.from({ length: limits.webRtcSetups + 1 }, async (_, index) => {
      const peer = (await network.member(`peer-${index}`)).peerId
      return caller.webrtc.connect(peer, { over: relayed, signal: never.signal })
    })
    await expect(Promise.any(attempts.map(async (one) => one.catch((err: unknown) => err)))).resolves.toMatchObject({
      code: 'LIMIT_EXCEEDED'
    })
    never.abort()
    await Promise.allSettled(attempts)
    expect(callee.webrtc.state()).toEqual({ state: 'unused' })
  })
})

describe('sockets for WebRTC', () => {
  it('are bound to the one address that is listened on, and to all where all are', () => {
    expect(bindAddressOf(['/ip4/127.0.0.1/tcp/0'])).toBe('127.0.0.1')
    expect(bindAddressOf(['/ip4/10.0.0.7/tcp/1', '/ip6/fd00::7/tcp/1'])).toBe('10.0.0.7')
    expect(bindAddressOf(['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'])).toBeUndefined()
    expect(bindAddressOf(['/ip4/127.0.0.1/tcp/0', '/ip6/::/tcp/0'])).toBeUndefined()
    expect(bindAddressOf([])).toBeUndefined()
  })
})
