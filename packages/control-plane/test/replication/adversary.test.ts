import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { limits, protocols, SyncAnnouncement, syncTopic, type NetworkId } from '@agent-mesh/wire'
import { createStranger, createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { messageStream, type MessageStream } from '../../src/admission/message-stream.ts'
import { mostSeatsPerPeer } from '../../src/replication/seats.ts'
import { encodeAnnouncement, encodeAnswer, encodeDelivery, encodeRequest } from '../../src/replication/sync-message.ts'
import { connect, gossiping, startMember, stopMembers, until, type SyncMember } from './member.ts'
import { growingSet, sealed, stateOf } from './replicas.ts'
import type { Stream } from '@libp2p/interface'

let network: TestNetwork
let networkId: NetworkId
let victim: SyncMember
let mallory: SyncMember
let alice: SyncMember

const never = { intervalMs: 3_600_000 }
const signal = (): AbortSignal => AbortSignal.timeout(5_000)

beforeAll(async () => {
  network = await createTestNetwork()
  ;({ networkId } = network)
})
beforeEach(async () => {
  ;[victim, mallory, alice] = await Promise.all([
    startMember(network, 'victim', never),
    startMember(network, 'mallory', never),
    startMember(network, 'alice', never)
  ])
  // what it says from here on, the tests say
  mallory.replication.stop()
  await connect(victim, alice)
  await connect(mallory, victim)
})
afterEach(stopMembers)

const framesOf = (stream: Stream): MessageStream =>
  messageStream(stream, { most: 16 * limits.syncBytes, code: 'SYNC_INVALID', what: 'message' })

/** The comparison that began when the two met may still be under way, and whoever asks for one shares it. */
const meetingOver = async (): Promise<void> => {
  const { peerId } = mallory.member
  await victim.replication.syncWith(peerId, { signal: AbortSignal.timeout(1_000) }).catch(() => {})
}

/** A stream of mallory to the victim, past its opening messages. */
const openStream = async (): Promise<Stream> => {
  const [connection] = mallory.host.libp2p.getConnections(victim.member.peerId)
  if (connection === undefined) throw new Error('mallory is not connected')
  return connection.newStream(protocols(networkId).sync, { maxOutboundStreams: 100 })
}

const closed = async (stream: Stream): Promise<void> => {
  await until(() => stream.status !== 'open' || stream.remoteWriteStatus === 'closed')
}

/** The victim still replicates with others. */
const expectUsable = async (): Promise<void> => {
  alice.set.add(sealed(`usable ${performance.now()}`))
  await victim.replication.syncWith(alice.member.peerId, { signal: signal() })
  await until(() => Buffer.compare(victim.set.digest(), alice.set.digest()) === 0)
}

/** What mallory holds; only its ids and items matter. */
const forgeries = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(`forged ${index} `))

/** Whoever asks mallory gets forged items, however often. */
const serveForgeries = async (items: Uint8Array[]): Promise<void> => {
  const fake = growingSet()
  fake.add(...items)
  await mallory.host.libp2p.services.members.unhandle(protocols(networkId).sync)
  await mallory.host.libp2p.services.members.handle(protocols(networkId).sync, async (stream) => {
    const messages = framesOf(stream)
    try {
      await messages.read(signal())
      await messages.write(encodeAnnouncement([stateOf(fake)], Date.now()), signal())
      for (;;) {
        await messages.read(signal())
        await messages.write(encodeAnswer(stateOf(fake), { items, hasMore: true, wanted: [] }), signal())
      }
    } catch {
      stream.abort(new Error('over'))
    }
  })
}

describe('a malicious member', () => {
  it('cannot bring in forged items by being asked, and is left alone after a while', async () => {
    await serveForgeries([...forgeries(3), sealed('one good one among them')])
    await meetingOver()
    await victim.replication.syncWith(mallory.member.peerId, { signal: signal() })
    expect(victim.set.size()).toBe(1)
    expect(victim.refusals).toHaveLength(3)
    expect(victim.refusals[0]).toEqual({ from: mallory.member.peerId.toString(), code: 'REVOCATION_INVALID' })
    for (let round = 0; round < 3; round++)
      await victim.replication.syncWith(mallory.member.peerId, { signal: signal() }).catch(() => {})
    const before = victim.set.looks()
    const text = mallory.member.peerId.toString()
    expect(victim.replication.holders('set').map(({ peer }) => peer.toString())).toContain(text)
    await mallory.host.libp2p.services.pubsub.publish(
      syncTopic(networkId),
      encodeAnnouncement([{ ...stateOf(victim.set), digest: new Uint8Array(32) }], Date.now())
    )
    await expectUsable()
    expect(victim.set.looks() - before).toBe(1)
  })

  it('cannot bring them in by delivering them, nor fill a message with rubbish for ever', async () => {
    victim.set.add(sealed('held here'))
    const stream = await openStream()
    const messages = framesOf(stream)
    const lie = forgeries(1000)
    const fake = growingSet()
    fake.add(...lie)
    await messages.write(encodeAnnouncement([stateOf(fake)], Date.now()), signal())
    await messages.read(signal())
    await messages.write(encodeRequest(stateOf(fake), fake.ids()), signal())
    await messages.read(signal())
    await messages.write(encodeDelivery(lie), signal())
    await closed(stream)
    expect(victim.set.size()).toBe(1)
    expect(victim.set.looks()).toBeLessThan(20)
    await expectUsable()
  })

  it.each([
    ['garbage', async (messages: MessageStream) => messages.write(Buffer.alloc(1000, 0xff), signal())],
    [
      'an announcement that is too long',
      async (messages: MessageStream) => messages.write(new Uint8Array(limits.gossipMessageBytes + 1), signal())
    ],
    [
      'a message that is too long',
      async (messages: MessageStream) => messages.write(new Uint8Array(limits.syncBytes + 1), signal())
    ],
    [
      'a request for a kind that nobody holds',
      async (messages: MessageStream) => {
        const state = { ...stateOf(growingSet()), kind: 'other' }
        await messages.write(encodeAnnouncement([state], Date.now()), signal())
        await messages.write(encodeRequest(state, []), signal())
      }
    ],
    [
      'ids that are none',
      async (messages: MessageStream) => {
        const state = stateOf(growingSet())
        await messages.write(encodeAnnouncement([state], Date.now()), signal())
        await messages.write(encodeRequest(state, [new Uint8Array(3)]), signal())
      }
    ]
  ])('loses its stream over %s, and the victim nothing', async (_, send) => {
    const stream = await openStream()
    await send(framesOf(stream)).catch(() => {})
    await closed(stream)
    await expectUsable()
    expect(victim.host.libp2p.services.admission.has(mallory.member.peerId)).toBe(true)
  })

  it('gets so many streams and pages, and no more', async () => {
    victim.set.add(sealed('x'.repeat(5_000)))
    const streams = await Promise.all(Array.from({ length: mostSeatsPerPeer + 1 }, openStream))
    await until(() => streams.some(({ status }) => status !== 'open'))
    expect(streams.filter(({ status }) => status === 'open')).toHaveLength(mostSeatsPerPeer)
    const [first] = streams.filter(({ status }) => status === 'open')
    if (first === undefined) throw new Error('no stream is open')
    const messages = framesOf(first)
    await messages.write(encodeAnnouncement([stateOf(growingSet()), stateOf(mallory.document)], Date.now()), signal())
    await messages.read(signal())
    let pages = 0
    try {
      for (; pages < 200; pages++) {
        await messages.write(encodeRequest(stateOf(growingSet()), []), signal())
        if ((await messages.read(signal())).length < 5_000) break
      }
    } catch {
      // the refusal may be overtaken by the end of the stream
    }
    expect(pages).toBeGreaterThanOrEqual(64)
    expect(pages).toBeLessThan(80)
    await expectUsable()
  })

  it('that says nothing keeps nobody from being asked', async () => {
    await mallory.host.libp2p.services.members.unhandle(protocols(networkId).sync)
    await mallory.host.libp2p.services.members.handle(protocols(networkId).sync, () => {})
    await meetingOver()
    const silent = victim.replication.syncWith(mallory.member.peerId, { signal: AbortSignal.timeout(1_000) })
    await expectUsable()
    await expect(silent).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('is not read any more after some malformed announcements, and none of them goes further', async () => {
    const { pubsub } = mallory.host.libp2p.services
    pubsub.subscribe(syncTopic(networkId))
    await gossiping([victim, alice, mallory], network)
    const heard: number[] = []
    alice.host.libp2p.services.pubsub.addEventListener('message', ({ detail }) => heard.push(detail.data.length))
    for (let index = 0; index < 6; index++)
      await pubsub.publish(
        syncTopic(networkId),
        SyncAnnouncement.encode({ timeMs: index, states: [{ ...stateOf(victim.set), digest: new Uint8Array(3) }] })
      )
    // the type of the service hides what its class shows
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const scores = victim.host.libp2p.services.pubsub as unknown as { getScore: (peer: string) => number }
    const score = (): number => scores.getScore(mallory.member.peerId.toString())
    await until(() => score() < -80)
    expect(heard).toEqual([])
    victim.set.add(sealed('still spoken'))
    victim.replication.announce('set')
    await until(() => alice.set.has(sealed('still spoken')))
  })
})

describe('a stranger', () => {
  it('cannot use the protocol', async () => {
    victim.set.add(sealed('secret'))
    const stranger = await createStranger({ network })
    try {
      const [address] = victim.host.libp2p.getMultiaddrs()
      if (address === undefined) throw new Error('the victim listens nowhere')
      const connection = await stranger.libp2p.dial(address)
      const stream = await connection.newStream(protocols(networkId).sync)
      const messages = framesOf(stream)
      await messages.write(encodeAnnouncement([stateOf(growingSet())], Date.now()), signal())
      await expect(messages.read(AbortSignal.timeout(1_000))).rejects.toMatchObject({ name: 'MeshError' })
      const id = stranger.libp2p.peerId.toString()
      expect(victim.replication.holders('set').map(({ peer }) => peer.toString())).not.toContain(id)
      await expect(victim.replication.syncWith(stranger.libp2p.peerId)).rejects.toMatchObject({
        code: 'CONNECTION_LOST'
      })
    } finally {
      await stranger.stop()
    }
  })
})
