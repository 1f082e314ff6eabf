import { describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { admission, memberOnly, type AdmissionComponents } from '../../src/index.ts'
import { overlay } from '../../src/admission/overlay.ts'
import {
  bareStranger,
  fullMember,
  fullServices,
  isLinked,
  link,
  subscribersOf,
  tableOf,
  topic,
  track
} from './fixture.ts'
import type { Connection, Startable, Stream, StreamHandler } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

const probe = '/probe/1.0.0'

/** A service that counts the bytes it gets. */
const probeService = (handler: StreamHandler) =>
  memberOnly(
    ({ registrar }: { registrar: Registrar }): Startable => ({
      start: async () => registrar.handle(probe, handler, { maxInboundStreams: 1_000 }),
      stop: async () => registrar.unhandle(probe)
    }),
    'registrar'
  )

const probed = async (network: TestNetwork, name: string, handler: StreamHandler, helloTimeoutMs = 1_000) =>
  track(
    await createHost({
      network,
      member: await network.member(name),
      admission: { helloTimeoutMs },
      services: { probe: probeService(handler) }
    })
  )

const inbound = async (host: { libp2p: { getConnections: () => Connection[] } }): Promise<Connection> =>
  vi.waitFor(() => {
    const [connection] = host.libp2p.getConnections()
    if (connection === undefined) throw new Error('no connection yet')
    return connection
  })

/** What a busy event loop does: the last message of a hello is looked at so much later. */
const slowToAdmit =
  (handler: StreamHandler, delayMs: number): StreamHandler =>
  async (stream, connection) => {
    stream.addEventListener(
      'message',
      () => {
        stream.pause()
        setTimeout(() => stream.resume(), delayMs)
      },
      { once: true }
    )
    await handler(stream, connection)
  }

describe('streams that come before the hello is finished', () => {
  it('are delivered whole when admission is late, and gossip and the DHT work both ways', async () => {
    const network = await createTestNetwork()
    const delayMs = 400
    const got = vi.fn<(bytes: number) => void>()
    const member = await network.member('bob')
    const b = track(
      await createHost({
        network,
        member,
        services: {
          admission: (components: AdmissionComponents) => {
            const { networkId, networkKey } = network
            const registrar = overlay(components.registrar, {
              handle: async (id, handler, options) =>
                components.registrar.handle(id, slowToAdmit(handler, delayMs), options)
            })
            return admission({ networkId, networkKey, chain: () => member.chain, agent: 'slow' })(
              new Proxy(components, {
                get: (target, name) => (name === 'registrar' ? registrar : Reflect.get(target, name))
              })
            )
          },
          probe: probeService((stream) => {
            stream.addEventListener('message', ({ data }) => got(data.byteLength))
          }),
          ...fullServices(network)
        }
      })
    )
    const a = await fullMember({ network, member: await network.member('alice') })
    for (const host of [a, b]) host.libp2p.services.pubsub.subscribe(topic)
    const connection = await link(a, b)
    const stream = await connection.newStream(probe)
    stream.send(new Uint8Array(100_000))
    await stream.close()
    expect(b.libp2p.services.admission.has(a.libp2p.peerId)).toBe(false)
    const started = performance.now()
    await vi.waitFor(() => expect(got.mock.calls.flat().reduce((sum, bytes) => sum + bytes, 0)).toBe(100_000))
    expect(performance.now() - started).toBeGreaterThan(delayMs / 4)
    await vi.waitFor(() => {
      expect(isLinked(a, b)).toBe(true)
      expect(subscribersOf(a)).toEqual([b.libp2p.peerId.toString()])
      expect(subscribersOf(b)).toEqual([a.libp2p.peerId.toString()])
      expect(tableOf(a).size).toBe(1)
      expect(tableOf(b).size).toBe(1)
    }, 5_000)
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      const heard = vi.fn()
      to.libp2p.services.pubsub.addEventListener('message', heard, { once: true })
      await from.libp2p.services.pubsub.publish(topic, new TextEncoder().encode(from.libp2p.peerId.toString()))
      await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
    }
  })

  it('are held up to the limit, and one past it is reset', async () => {
    const network = await createTestNetwork()
    const handled = vi.fn()
    const b = await probed(network, 'bob', handled)
    const s = await bareStranger(network)
    const connection = await s.libp2p.dial(b.libp2p.getMultiaddrs())
    const streams = await Promise.all(
      Array.from({ length: limits.strangerHeldStreams }, async () => connection.newStream(probe))
    )
    const held = b.libp2p.services.admission.held
    await vi.waitFor(async () => expect(held.count(await inbound(b))).toBe(limits.strangerHeldStreams))
    const oneMore = await connection.newStream(probe)
    await vi.waitFor(() => expect(oneMore.status).toBe('reset'), { timeout: 500, interval: 10 })
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 'open'))
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 3_000)
    expect(handled).not.toHaveBeenCalled()
  })

  it('park no more than their windows', async () => {
    const network = await createTestNetwork()
    const b = await probed(network, 'bob', vi.fn(), 3_000)
    const s = await bareStranger(network)
    const connection = await s.libp2p.dial(b.libp2p.getMultiaddrs())
    await Promise.all(
      Array.from({ length: limits.strangerHeldStreams }, async () => {
        const stream = await connection.newStream(probe)
        stream.send(new Uint8Array(3.5 * 2 ** 20))
      })
    )
    const there = await inbound(b)
    const parked = (): number => there.streams.reduce((sum, { readBufferLength }) => sum + readBufferLength, 0)
    let most = 0
    await vi.waitFor(() => expect(parked()).toBeGreaterThan(limits.strangerHeldStreams * 100_000))
    await vi.waitFor(
      () => {
        most = Math.max(most, parked())
        expect(connection.status).not.toBe('open')
      },
      { timeout: 5_000, interval: 20 }
    )
    // one window of 256 KiB each, and what came before the stream was paused
    expect(most).toBeLessThanOrEqual(limits.strangerHeldStreams * 512 * 1024)
  })

  it('end the connection when there is no end of them', async () => {
    const network = await createTestNetwork()
    const b = await probed(network, 'bob', vi.fn(), 4_000)
    const s = await bareStranger(network)
    const connection = await s.libp2p.dial(b.libp2p.getMultiaddrs())
    for (let count = 0; count <= limits.strangerStreams; count += 1) {
      const stream = await connection.newStream(probe).catch(() => undefined)
      stream?.abort(new Error('the next one'))
    }
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), { timeout: 1_500, interval: 20 })
  })

  it('of a stranger that leave their protocol open are bounded too', async () => {
    const network = await createTestNetwork()
    const b = await probed(network, 'bob', vi.fn(), 4_000)
    const s = await bareStranger(network)
    const connection = await s.libp2p.dial(b.libp2p.getMultiaddrs())
    await inbound(b)
    const muxer: { createStream: () => Promise<Stream> } = Reflect.get(connection, 'muxer')
    for (let count = 0; count <= limits.strangerStreams; count += 1) {
      const stream = await muxer.createStream()
      stream.send(Uint8Array.of(19))
    }
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), { timeout: 1_500, interval: 20 })
  })
})
