import { afterEach, expect, it, vi } from 'vitest'
import { openSink, type OpenSink } from '@agent-mesh/control-plane'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import type { Connection } from '@libp2p/interface'

let mesh: TestMesh
afterEach(async () => mesh.close())

const signal = (): AbortSignal => AbortSignal.timeout(60_000)
const settings = 'underlay: { echoes: on }'

interface Way {
  connection: Connection
  protocol: string
}

/** Connections of some members to one that throws away what they send for it. */
const connected = async (count: number): Promise<Way[]> => {
  mesh = await createMesh(['founder'])
  const alice = await mesh.add('alice', { settings })
  const { peerId } = alice.node.ready
  const ways: Way[] = []
  for (let at = 0; at < count; at++) {
    const bob = await mesh.add(`bob${at}`, { bootstrap: [alice], settings })
    await vi.waitFor(async () => expect((await bob.connected()).map((one) => one.peerId)).toContain(peerId), 20_000)
    const { admission } = bob.host().services
    const peer = admission.members().find((one) => one.toString() === peerId)
    const [connection] = peer === undefined ? [] : admission.connections(peer)
    if (connection === undefined) throw new Error('no connection')
    ways.push({ connection, protocol: protocols((await bob.node.status()).network.network).underlay })
  }
  return ways
}

const open = async (way: Way | undefined, blockBytes = 64): Promise<OpenSink> => {
  if (way === undefined) throw new Error('no way')
  return openSink(way.connection, way.protocol, blockBytes, signal())
}

it('confirms each block, throws it away, and takes no more than a member may bring', async () => {
  const [way] = await connected(1)
  const half = limits.sinkBytes / 2
  const sink = await open(way, half)
  await sink.send([new Uint8Array(half - 4), new Uint8Array(4)], signal())
  await sink.send([new Uint8Array(half)], signal())
  await expect(sink.send([new Uint8Array(half)], signal())).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  const another = await open(way)
  await another.send([new Uint8Array(64)], signal())
  another.close()
}, 120_000)

it('takes part in so many measurements of one member in a row', async () => {
  const [way] = await connected(1)
  for (let count = 0; count < limits.sinksPerMember; count++) {
    const sink = await open(way)
    await sink.send([new Uint8Array(64)], signal())
    sink.close()
  }
  await expect(open(way)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
}, 120_000)

it('takes part in so many measurements of all members at once', async () => {
  const ways = await connected(3)
  const sinks: OpenSink[] = []
  for (let count = 0; count < limits.sinks; count++) sinks.push(await open(ways[count % ways.length]))
  await expect(open(ways.at(-1))).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  for (const sink of sinks) sink.close()
}, 120_000)
