import { describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, seededRandom, type MemberHostInit } from '@agent-mesh/testkit'
import { HelloAnswer, limits, MeshError, protocols, toWireCode, type ErrorCode } from '@agent-mesh/wire'
import { bareStranger, link, readMessage, sayHelloWith, silentStranger, track } from './fixture.ts'
import type { Connection, Stream } from '@libp2p/interface'
import type { TestNetwork } from '@agent-mesh/testkit'

const minuteMs = 60_000

const host = async (network: TestNetwork, name: string, init: Partial<MemberHostInit> = {}) =>
  track(await createHost({ network, member: await network.member(name), ...init }))

type Host = Awaited<ReturnType<typeof host>>

const admissionOf = (one: Host) => one.libp2p.services.admission

const closed = async (connection: Connection, timeout = 3_000): Promise<void> =>
  vi.waitFor(() => expect(connection.status).not.toBe('open'), { timeout, interval: 10 })

/** Dials and waits for the verdict. @returns the code of the refusal, or `admitted` */
const outcome = async (from: Host, to: Host): Promise<ErrorCode | 'admitted'> => {
  const connection = await from.libp2p.dial(to.libp2p.getMultiaddrs())
  try {
    await admissionOf(from).waitFor(connection)
    await vi.waitFor(() => expect(admissionOf(to).has(from.libp2p.peerId)).toBe(true), { timeout: 1_000, interval: 10 })
    return 'admitted'
  } catch (err) {
    if (err instanceof MeshError) return err.code
    throw err
  }
}

const ended = async (stream: Stream): Promise<void> => vi.waitFor(() => expect(stream.status).toBe('reset'))

describe('hello', () => {
  it('admits both sides and tells each what the other said', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice', { admission: { agent: 'mesh/1', policyVersion: () => 3 } })
    const b = await host(network, 'bob', { admission: { revocationsHash: () => new Uint8Array(32).fill(9) } })
    const changes = vi.fn<(change: string, peer: string) => void>()
    admissionOf(b).onChange((change, peer) => changes(change, peer.toString()))
    const connection = await link(a, b)
    await vi.waitFor(() => expect(admissionOf(b).has(a.libp2p.peerId)).toBe(true))
    expect(admissionOf(a).membership(b.libp2p.peerId)?.name).toBe('bob')
    expect(admissionOf(b).greeting(a.libp2p.peerId)).toMatchObject({ agent: 'mesh/1', policyVersion: 3 })
    expect(admissionOf(a).greeting(b.libp2p.peerId)?.revocationsHash).toEqual(new Uint8Array(32).fill(9))
    expect(admissionOf(a).connections(b.libp2p.peerId)).toEqual([connection])
    expect(admissionOf(a).members()).toEqual([b.libp2p.peerId])
    await connection.close()
    await vi.waitFor(() => expect(admissionOf(b).has(a.libp2p.peerId)).toBe(false))
    expect(changes.mock.calls).toEqual([
      ['admit', a.libp2p.peerId.toString()],
      ['gone', a.libp2p.peerId.toString()]
    ])
    expect(admissionOf(b).membership(a.libp2p.peerId)?.name).toBe('alice')
    expect(admissionOf(b).knows(a.libp2p.peerId)).toBe(true)
  })

  it('admits the member of a delegate', async () => {
    const network = await createTestNetwork()
    const delegate = await network.member('delegate', { mayAdmit: true })
    const a = await host(network, 'alice')
    const b = track(await createHost({ network, member: await network.member('bob', { issuer: delegate }) }))
    expect(await outcome(b, a)).toBe('admitted')
    expect(admissionOf(a).membership(b.libp2p.peerId)?.isIssuedByRoot).toBe(false)
  })

  it.each([-10, 10])('tolerates a clock that is %i minutes off', async (minutes) => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const b = await host(network, 'bob', { admission: { now: () => Date.now() + minutes * minuteMs } })
    expect(await outcome(b, a)).toBe('admitted')
  })

  it.each([-11, 11])('refuses a clock that is %i minutes off with CLOCK_SKEW, on both sides', async (minutes) => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const b = await host(network, 'bob', { admission: { now: () => Date.now() + minutes * minuteMs } })
    expect(await outcome(b, a)).toBe('CLOCK_SKEW')
    expect(admissionOf(b).refusal(a.libp2p.peerId)?.details).toMatchObject({ code: 'CLOCK_SKEW', times: 1 })
    expect(admissionOf(a).refusal(b.libp2p.peerId)?.details).toMatchObject({ code: 'CLOCK_SKEW' })
    expect(await outcome(await host(network, 'carol'), b)).toBe('CLOCK_SKEW')
  })

  it('is refused by a dialler that does not like the answer, and the other side does not admit it', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice', { admission: { isDenied: () => 'DENIED' } })
    const b = await host(network, 'bob')
    const admitted = vi.fn()
    admissionOf(b).onChange(admitted)
    const waiting = new Promise((resolve) => {
      b.libp2p.addEventListener('connection:open', ({ detail }) => {
        resolve(
          admissionOf(b)
            .waitFor(detail)
            .catch((err: unknown) => err)
        )
      })
    })
    // its own gate keeps it from dialling whom it denies, so that the address alone has to do
    const [address] = b.libp2p.getMultiaddrs()
    if (address === undefined) throw new Error('no address')
    await a.libp2p.dial(address.decapsulate('/p2p')).catch(() => {})
    expect(await waiting).toMatchObject({ code: 'DENIED', details: { refusedBy: 'peer' } })
    expect(admitted).not.toHaveBeenCalled()
  })

  it('is not needed twice and not heard from the side that was dialled', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const b = await host(network, 'bob')
    const connection = await link(a, b)
    await vi.waitFor(() => expect(admissionOf(b).has(a.libp2p.peerId)).toBe(true))
    const { hello } = protocols(network.networkId)
    await ended(await connection.newStream(hello))
    const [back] = b.libp2p.getConnections(a.libp2p.peerId)
    if (back === undefined) throw new Error('no connection')
    await ended(await back.newStream(hello))
    expect(admissionOf(a).has(b.libp2p.peerId)).toBe(true)
  })

  it('to a node of another network ends the connection at once', async () => {
    const [network, other] = [await createTestNetwork(), await createTestNetwork()]
    const a = await host(network, 'alice')
    const b = await host(other, 'bob')
    const started = performance.now()
    expect(await outcome(a, b)).toBe('NOT_A_MEMBER')
    expect(performance.now() - started).toBeLessThan(1_000)
    await vi.waitFor(() => expect(b.libp2p.getConnections()).toEqual([]))
  })

  it('is refused once and then left alone by the dialler', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice', {
      admission: { isDenied: (_, membership) => (membership === undefined ? undefined : 'DENIED') }
    })
    const b = await host(network, 'bob')
    expect(await outcome(b, a)).toBe('DENIED')
    await vi.waitFor(() => expect(b.libp2p.getConnections()).toEqual([]))
    await expect(b.libp2p.dial(a.libp2p.getMultiaddrs())).rejects.toThrow()
    expect(admissionOf(b).refusal(a.libp2p.peerId)).toMatchObject({ code: 'REFUSED_EARLIER' })
    await expect(admissionOf(b).wait(a.libp2p.peerId)).rejects.toMatchObject({ code: 'REFUSED_EARLIER' })
    admissionOf(b).forgetRefusals()
    expect(await outcome(b, a)).toBe('DENIED')
  })

  it('lets nobody wait for a peer that is not connected', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const { peerId } = await network.member('bob')
    await expect(admissionOf(a).wait(peerId)).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  })

  it('ends a wait with its signal', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const s = await silentStranger(network)
    await s.libp2p.dial(a.libp2p.getMultiaddrs())
    await vi.waitFor(() => expect(a.libp2p.getConnections()).toHaveLength(1))
    const reason = new Error('enough')
    await expect(admissionOf(a).wait(s.libp2p.peerId, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      name: 'TimeoutError'
    })
    await expect(admissionOf(a).wait(s.libp2p.peerId, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('two that dial each other at once', () => {
  it('keep both connections and lose nothing, over many pairs', async () => {
    const network = await createTestNetwork()
    const pairs = 24
    const hosts = await Promise.all(Array.from({ length: 8 }, async (_, index) => host(network, `member-${index}`)))
    const { shuffle, seed } = seededRandom(Date.now())
    for (let done = 0; done < pairs; done += 1) {
      const [a, b] = shuffle(hosts)
      if (a === undefined || b === undefined) throw new Error('eight hosts')
      const both = await Promise.all([a.libp2p.dial(b.libp2p.getMultiaddrs()), b.libp2p.dial(a.libp2p.getMultiaddrs())])
      await Promise.all([admissionOf(a).wait(b.libp2p.peerId), admissionOf(b).wait(a.libp2p.peerId)])
      await vi.waitFor(() => {
        for (const [one, other] of [
          [a, b],
          [b, a]
        ] as const) {
          const live = one.libp2p.getConnections(other.libp2p.peerId)
          expect(admissionOf(one).connections(other.libp2p.peerId).length, `seed ${seed}`).toBe(live.length)
          expect(live.length).toBeGreaterThanOrEqual(1)
        }
      })
      expect(
        both.every(({ status }) => status === 'open'),
        `seed ${seed}`
      ).toBe(true)
      await a.libp2p.hangUp(b.libp2p.peerId)
      await vi.waitFor(() => expect(admissionOf(b).has(a.libp2p.peerId)).toBe(false))
    }
  })
})

const helloStream = async (network: TestNetwork, to: Host) => {
  const s = await bareStranger(network)
  const connection = await s.libp2p.dial(to.libp2p.getMultiaddrs())
  const stream = await connection.newStream(protocols(network.networkId).hello)
  return { connection, stream }
}

describe('bad hellos', () => {
  it('that are longer than they may be are refused with a code', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    for (const length of [limits.helloBytes + 1, 2 ** 21 - 1]) {
      const { connection, stream } = await helloStream(network, a)
      const header = [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]
      stream.send(Uint8Array.from(header))
      stream.send(new Uint8Array(1024))
      expect(HelloAnswer.decode(await readMessage(stream)).code).toBe(toWireCode('NOT_A_MEMBER'))
      await closed(connection)
    }
  })

  it('that are garbage are refused, and hurt nobody', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice')
    const { bytes, integer, seed } = seededRandom(Date.now())
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { connection, stream } = await helloStream(network, a)
        stream.send(bytes(integer(1, 3_000)))
        await stream.close().catch(() => {})
        await closed(connection, 2_000)
      })
    )
    const b = await host(network, 'bob')
    expect(await outcome(b, a), `seed ${seed}`).toBe('admitted')
  })

  it('that come a byte at a time are cut at the deadline', async () => {
    const network = await createTestNetwork()
    const helloTimeoutMs = 1_000
    const a = await host(network, 'alice', { admission: { helloTimeoutMs } })
    const started = performance.now()
    const { connection, stream } = await helloStream(network, a)
    const drip = setInterval(() => stream.status === 'open' && stream.send(Uint8Array.of(100)), 100)
    await closed(connection)
    clearInterval(drip)
    expect(performance.now() - started).toBeGreaterThanOrEqual(helloTimeoutMs - 50)
    expect(performance.now() - started).toBeLessThan(helloTimeoutMs + 500)
    expect(admissionOf(a).refusal(connection.remotePeer)).toBeUndefined()
  })

  it('that end the answer in the middle leave nothing behind', async () => {
    const network = await createTestNetwork()
    const a = await host(network, 'alice', { admission: { helloTimeoutMs: 500 } })
    const liar = await silentStranger(network)
    await liar.libp2p.handle(protocols(network.networkId).hello, (stream) => {
      stream.send(Uint8Array.of(200, 1, 1, 2, 3))
    })
    const connection = await a.libp2p.dial(liar.libp2p.getMultiaddrs())
    await expect(admissionOf(a).waitFor(connection)).rejects.toMatchObject({ code: 'HELLO_TIMEOUT' })
    expect(connection.status).not.toBe('open')
    expect(admissionOf(a).members()).toEqual([])
  })

  it('from a stranger that answers with a foreign certificate are told so', async () => {
    const network = await createTestNetwork()
    const foreign = await (await createTestNetwork()).member('mallory')
    const a = await host(network, 'alice')
    const s = await silentStranger(network, { privateKey: foreign.privateKey })
    await sayHelloWith(s, network, foreign.chain)
    const connection = await a.libp2p.dial(s.libp2p.getMultiaddrs())
    await expect(admissionOf(a).waitFor(connection)).rejects.toMatchObject({ code: 'NETWORK_FOREIGN' })
    await closed(connection)
  })
})
