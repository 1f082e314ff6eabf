import { describe, expect, it, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { CircuitMeter, circuitMeter, readLimit, watchCircuit, type CircuitLimit } from '../../src/index.ts'
import { partly } from '../admission/fixture.ts'
import type { Connection } from '@libp2p/interface'

const KiB = 1024
const stock: CircuitLimit = { bytes: 128 * KiB, seconds: 120 }

const meterOf = (limit: CircuitLimit = stock) => {
  const clock = { ms: 5_000 }
  const relay = { isThere: true }
  const meter = new CircuitMeter({
    carrier: 'c',
    limit,
    isCarrierThere: () => relay.isThere,
    now: () => clock.ms
  })
  return { meter, clock, relay }
}

describe('the limit of a circuit', () => {
  it('is read in seconds, and in milliseconds where js-libp2p says its two minutes', () => {
    expect(readLimit({ duration: 120, data: 131_072 })).toEqual(stock)
    expect(readLimit({ duration: 120_000, data: 131_072 })).toEqual(stock)
    expect(readLimit({ duration: 0, data: 131_072 })).toEqual({ bytes: 131_072 })
  })

  it('is none where a relay names none', () => {
    expect(readLimit({ duration: 0, data: 0 })).toBeUndefined()
    expect(readLimit()).toBeUndefined()
  })
})

describe('the meter of a circuit', () => {
  it('counts both directions together, and what tunnels have handed over before it passes', () => {
    const { meter } = meterOf()
    meter.received(20 * KiB)
    meter.take(64 * KiB)
    expect(meter.leftBytes).toBe((128 - 20 - 64) * KiB - limits.carrierReserveBytes)
    meter.sent(64 * KiB)
    expect(meter.leftBytes).toBe((128 - 20 - 64) * KiB - limits.carrierReserveBytes)
    expect(meter.usedBytes).toBe(84 * KiB)
  })

  it('does not take what comes for what was handed over', () => {
    const { meter } = meterOf()
    meter.take(50 * KiB)
    meter.received(30 * KiB)
    expect(meter.usedBytes).toBe(80 * KiB)
    meter.sent(50 * KiB)
    expect(meter.usedBytes).toBe(80 * KiB)
  })

  it('keeps enough to say that it is over, and is spent one byte later', () => {
    const { meter } = meterOf()
    meter.take(128 * KiB - limits.carrierReserveBytes - 1)
    expect(meter.leftBytes).toBe(1)
    expect(meter.isSpent).toBe(false)
    meter.take(1)
    expect(meter.isSpent).toBe(true)
    expect(meter.error()).toMatchObject({
      code: 'CARRIER_LIMIT',
      message: 'The carrier c gives 128 KiB to each connection; 124 KiB had passed here.',
      details: { carrier: 'c', limit: 'bytes', value: 128 * KiB }
    })
  })

  it('ends by time a moment before the carrier does, at most in the middle of a short one', () => {
    const { meter, clock } = meterOf()
    clock.ms += 117_999
    expect(meter.isSpent).toBe(false)
    clock.ms += 1
    expect(meter.isSpent).toBe(true)
    expect(meter.error()).toMatchObject({
      message: 'The carrier c gives 120 s to each connection; its time is over.',
      details: { limit: 'seconds', value: 120 }
    })
    const short = meterOf({ seconds: 2 })
    short.clock.ms += 999
    expect(short.meter.isSpent).toBe(false)
    short.clock.ms += 1
    expect(short.meter.isSpent).toBe(true)
  })

  it('is low in its last quarter, by bytes or by time', () => {
    const { meter, clock } = meterOf()
    expect(meter.isLow).toBe(false)
    meter.received(93 * KiB)
    expect(meter.isLow).toBe(true)
    const other = meterOf()
    expect(other.meter.lowInMs).toBe(88_000)
    other.clock.ms += 88_001
    expect(other.meter.isLow).toBe(true)
    expect(clock.ms).toBe(5_000)
  })

  it('puts a cut down to the carrier where half of the bytes or the time was gone, and the carrier is there', () => {
    const { meter, clock, relay } = meterOf()
    expect(meter.cut()).toBeUndefined()
    meter.received(64 * KiB)
    expect(meter.cut()).toMatchObject({ message: expect.stringContaining('it was cut when 64 KiB had passed here') })
    relay.isThere = false
    expect(meter.cut()).toBeUndefined()
    relay.isThere = true
    clock.ms += 116_500
    expect(meter.cut()).toMatchObject({ details: { limit: 'seconds' } })
  })

  it('is over when the other end says so', () => {
    const { meter } = meterOf()
    meter.end()
    expect(meter.isSpent).toBe(true)
    expect(meter.error().details['limit']).toBe('bytes')
  })

  it('is what libp2p takes for the limits of a connection', () => {
    const { meter, clock } = meterOf()
    clock.ms += 20_000
    meter.received(28 * KiB)
    expect([meter.bytes, meter.seconds]).toEqual([BigInt(100 * KiB), 100])
    expect(circuitMeter({ limits: meter })).toBe(meter)
    expect(circuitMeter({})).toBeUndefined()
    expect(circuitMeter({ limits: { bytes: 1n } })).toBeUndefined()
  })
})

it('the watch of a circuit with a limit of years waits in steps that a timer can take', () => {
  const delays = vi.spyOn(globalThis, 'setTimeout')
  const { meter } = meterOf({ seconds: 2 ** 32 / 1_000 })
  const target = Object.assign(new EventTarget(), { limits: meter, status: 'open' as const })
  watchCircuit(partly<Connection>(target), { onLow: () => {}, onSpent: () => {} })
  target.dispatchEvent(new Event('close'))
  expect(delays.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1])
  delays.mockRestore()
})
