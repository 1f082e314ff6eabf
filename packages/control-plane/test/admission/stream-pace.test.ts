import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHost, createStranger, createTestNetwork } from '@agent-mesh/testkit'
import type { Connection, Stream } from '@libp2p/interface'
import { StreamPace } from '../../src/admission/stream-pace.ts'

class FakeStream extends EventTarget {
  status = 'open'
  readonly id: number

  constructor(id: number) {
    super()
    this.id = id
  }

  end(status: 'closed' | 'reset'): void {
    this.status = status
    this.dispatchEvent(new Event('close'))
  }
}

/** The part of a connection that streams come through, as libp2p has it. */
const paced = () => {
  const muxer = new EventTarget()
  const taken: FakeStream[] = []
  const onIncomingStream = (event: Event): void => {
    if (event instanceof CustomEvent) taken.push(event.detail)
  }
  muxer.addEventListener('stream', onIncomingStream)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the two parts that are looked at
  const pace = StreamPace.of({ muxer, onIncomingStream } as unknown as Connection, { now: () => Date.now() })
  const open = (id: number): FakeStream => {
    const stream = new FakeStream(id)
    muxer.dispatchEvent(new CustomEvent('stream', { detail: stream }))
    return stream
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the parts of a stream that are looked at
  const settle = (stream: FakeStream): void => pace?.settle(stream as unknown as Stream)
  return { open, taken, settle }
}

/** Opens streams over ten seconds. @returns how many of them were negotiated */
const takenOf = async (perSecond: number, use: (stream: FakeStream, settle: (stream: FakeStream) => void) => void) => {
  const { open, taken, settle } = paced()
  for (let tick = 0; tick < 500; tick++) {
    const streams = Array.from({ length: perSecond / 50 }, (_, i) => open(tick * 100 + i))
    await vi.advanceTimersByTimeAsync(20)
    for (const stream of streams) use(stream, settle)
  }
  return taken.length
}

describe('the pace of streams', () => {
  it('takes a few at once and the rest in later turns, each once and in order', async () => {
    const { open, taken } = paced()
    for (let id = 0; id < 100; id++) open(id)
    expect(taken).toHaveLength(8)
    await turn()
    expect(taken.length).toBeLessThanOrEqual(24)
    while (taken.length < 100) await turn()
    expect(taken.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, id) => id))
    open(100)
    expect(taken.at(-1)?.id).toBe(100)
  })

  it('spends nothing on a stream that was given up before its turn', async () => {
    const { open, taken } = paced()
    const streams = Array.from({ length: 20 }, (_, id) => open(id))
    for (const stream of streams.slice(8, 18)) stream.end('reset')
    for (let i = 0; i < 10; i++) await turn()
    expect(taken.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 18, 19])
  })

  it('is possible with the libp2p at hand', async () => {
    const network = await createTestNetwork()
    const alice = await createHost({ network, member: await network.member('alice') })
    const stranger = await createStranger({ network })
    try {
      expect(StreamPace.of(await stranger.libp2p.dial(alice.libp2p.getMultiaddrs()))).toBeDefined()
    } finally {
      await stranger.stop()
      await alice.stop()
    }
  })
})

describe('the debt of a peer', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setImmediate'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('lets those who use their streams open as many as they like', async () => {
    expect(await takenOf(2_000, (stream, settle) => settle(stream))).toBe(20_000)
    expect(await takenOf(2_000, (stream) => stream.end('closed'))).toBe(20_000)
  })

  it('lets those who open for nothing open a few hundred, and then some per second', async () => {
    const silent = await takenOf(1_000, () => {})
    expect(silent).toBeGreaterThan(256)
    expect(silent).toBeLessThan(256 + 10 * 128 + 64)
    const rude = await takenOf(1_000, (stream) => stream.end('reset'))
    expect(rude).toBeGreaterThan(256)
    expect(rude).toBeLessThan(256 + 10 * 128 + 64)
  })
})
