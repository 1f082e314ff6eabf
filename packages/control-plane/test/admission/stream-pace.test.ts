import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createTestNetwork, createHost, createStranger } from '@agent-mesh/testkit'
import type { Connection } from '@libp2p/interface'
import { paceStreams } from '../../src/admission/stream-pace.ts'

/** The part of a connection that streams come through, as libp2p has it. */
class Muxer extends EventTarget {
  open(id: number): EventTarget & { id: number; status: string } {
    const stream = Object.assign(new EventTarget(), { id, status: 'open' })
    this.dispatchEvent(new CustomEvent('stream', { detail: stream }))
    return stream
  }
}

const paced = () => {
  const muxer = new Muxer()
  const taken: number[] = []
  const onIncomingStream = (event: Event): void => {
    if (event instanceof CustomEvent) taken.push(event.detail.id)
  }
  muxer.addEventListener('stream', onIncomingStream)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the two parts that are looked at
  expect(paceStreams({ muxer, onIncomingStream } as unknown as Connection)).toBe(true)
  return { muxer, taken }
}

describe('the pace of streams', () => {
  it('takes a few at once and the rest in later turns, each once and in order', async () => {
    const { muxer, taken } = paced()
    for (let id = 0; id < 100; id++) muxer.open(id)
    expect(taken).toHaveLength(8)
    await turn()
    expect(taken.length).toBeLessThanOrEqual(24)
    while (taken.length < 100) await turn()
    expect(taken).toEqual(Array.from({ length: 100 }, (_, id) => id))
    muxer.open(100)
    expect(taken.at(-1)).toBe(100)
  })

  it('spends nothing on a stream that was given up before its turn', async () => {
    const { muxer, taken } = paced()
    const streams = Array.from({ length: 20 }, (_, id) => muxer.open(id))
    for (const stream of streams.slice(8, 18)) stream.dispatchEvent(new Event('close'))
    for (let i = 0; i < 10; i++) await turn()
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 18, 19])
  })

  it('is possible with the libp2p at hand', async () => {
    const network = await createTestNetwork()
    const alice = await createHost({ network, member: await network.member('alice') })
    const stranger = await createStranger({ network })
    try {
      expect(paceStreams(await stranger.libp2p.dial(alice.libp2p.getMultiaddrs()))).toBe(true)
    } finally {
      await stranger.stop()
      await alice.stop()
    }
  })
})
