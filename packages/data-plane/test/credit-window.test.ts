import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { CreditBudget } from '../src/tunnel/credit-budget.ts'
import { ReceiveWindow, SendCredit } from '../src/tunnel/credit-window.ts'

const bounds = { initialBytes: 256, grownBytes: 4096, maxBytes: 16384, perPeerBytes: 65536, perNodeBytes: 262144 }

const windowOf = (budget = new CreditBudget(bounds), peer = 'peer') => {
  const lease = budget.open(peer)
  return { lease, window: new ReceiveWindow(lease, 0) }
}

/** Sends and consumes `total` bytes as fast as the credit allows, one grant per round trip. Returns the grants. */
const transfer = (
  window: ReceiveWindow,
  credit: SendCredit,
  total: number,
  roundTripMs: number,
  startMs = 0
): number[] => {
  const grants: number[] = []
  let nowMs = startMs
  for (let left = total; left > 0;) {
    const burst = Math.min(left, credit.availableBytes)
    if (burst === 0) throw new Error('the sender is stuck')
    nowMs += roundTripMs
    for (let sent = 0; sent < burst; sent += 64) {
      const piece = Math.min(64, burst - sent)
      credit.take(piece)
      window.receive(piece, nowMs)
      const grant = window.consume(piece, nowMs)
      if (grant > 0) {
        grants.push(grant)
        credit.grant(grant)
      }
    }
    left -= burst
  }
  return grants
}

describe('the receive window', () => {
  it('begins with what may be sent unasked and refuses one byte more', () => {
    const { window } = windowOf(new CreditBudget())
    window.receive(limits.creditInitialBytes, 0)
    expect(() => window.receive(1, 0)).toThrow(expect.objectContaining({ code: 'TUNNEL_PROTOCOL' }))
  })

  it('grants nothing until half a window is consumed, then grows at once for a reader that keeps up', () => {
    const { window, lease } = windowOf()
    window.receive(256, 0)
    expect(window.consume(127, 0)).toBe(0)
    expect(window.consume(1, 0)).toBe(128)
    const fresh = windowOf()
    fresh.window.receive(128, 0)
    expect(fresh.window.consume(128, 0)).toBe(128 + 4096 - 256)
    expect([lease.windowBytes, fresh.lease.windowBytes]).toEqual([256, 4096])
  })

  it('stays small for a reader that lags behind', () => {
    const { window, lease } = windowOf()
    let credit = 256
    for (let i = 0; i < 100; i++) {
      window.receive(credit, i)
      credit = window.consume(128, i)
      expect(window.bufferedBytes).toBeLessThanOrEqual(256)
    }
    expect(lease.windowBytes).toBe(256)
  })

  it('grows beyond the second size only where the round trip asks for it', () => {
    const slow = windowOf()
    transfer(slow.window, new SendCredit(256), 400_000, 100)
    expect(slow.lease.windowBytes).toBe(16384)

    const near = windowOf()
    let nowMs = 0
    let credit = 256
    for (let i = 0; i < 10_000; i++) {
      nowMs += 1
      const piece = Math.min(64, credit)
      near.window.receive(piece, nowMs)
      credit += near.window.consume(piece, nowMs) - piece
    }
    expect(near.lease.windowBytes).toBe(4096)
  })

  it('does not chatter: a grant is at least half a window', () => {
    const { window } = windowOf()
    const grants = transfer(window, new SendCredit(256), 1_000_000, 1)
    expect(grants.length).toBeLessThanOrEqual(1_000_000 / 2048)
    expect(Math.min(...grants)).toBeGreaterThanOrEqual(128)
  })

  it('shrinks to its share as others come, without small grants on the way', () => {
    const budget = new CreditBudget({ ...bounds, perPeerBytes: 8192 })
    const { window, lease } = windowOf(budget)
    window.receive(128, 0)
    let credit = 128 + window.consume(128, 0)
    expect(lease.windowBytes).toBe(4096)
    for (let i = 0; i < 15; i++) budget.open('peer')
    const grants: number[] = []
    for (let i = 0; i < 60; i++) {
      const piece = Math.min(100, credit)
      window.receive(piece, i)
      const grant = window.consume(piece, i)
      credit += grant - piece
      if (grant > 0) grants.push(grant)
    }
    expect(lease.windowBytes).toBe(512)
    expect(grants.length).toBeGreaterThan(3)
    expect(Math.min(...grants)).toBeGreaterThanOrEqual(256)
  })

  it('holds its bounds and never leaves the sender stuck, whatever happens in whatever order', () => {
    const step = fc.record({
      tunnel: fc.nat({ max: 5 }),
      send: fc.nat({ max: 3000 }),
      consume: fc.nat({ max: 3000 }),
      waitMs: fc.nat({ max: 50 })
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const small = { ...bounds, perPeerBytes: 8192, perNodeBytes: 12288 }
        const budget = new CreditBudget(small)
        const tunnels = Array.from({ length: 6 }, (_, i) => ({
          ...windowOf(budget, `peer${i % 2}`),
          credit: new SendCredit(256),
          pending: 0,
          sent: 0
        }))
        let nowMs = 0
        const take = (one: (typeof tunnels)[number], wanted: number): void => {
          const length = Math.min(wanted, one.pending)
          if (length === 0) return
          one.pending -= length
          const grant = one.window.consume(length, nowMs)
          if (grant !== 0) expect(grant).toBeGreaterThanOrEqual(small.initialBytes / 2)
          one.credit.grant(grant)
        }
        for (const { tunnel, send, consume, waitMs } of steps) {
          const one = tunnels[tunnel]
          if (one === undefined) continue
          nowMs += waitMs
          const length = Math.min(send, one.credit.availableBytes)
          one.credit.take(length)
          one.window.receive(length, nowMs)
          one.pending += length
          one.sent += length
          take(one, consume)
          expect(one.window.bufferedBytes).toBe(one.pending)
          expect(one.pending + one.credit.availableBytes).toBeLessThanOrEqual(one.lease.windowBytes)
          expect(one.lease.windowBytes).toBeLessThanOrEqual(small.maxBytes)
          expect(budget.usage.reservedBytes).toBeLessThanOrEqual(small.perNodeBytes)
          expect(budget.usage.heldBytes).toBe(tunnels.reduce((sum, each) => sum + each.pending, 0))
        }
        for (const one of tunnels) {
          take(one, Number.POSITIVE_INFINITY)
          expect(one.credit.availableBytes).toBeGreaterThan(0)
          one.lease.close()
        }
        expect(budget.usage).toEqual({ reservedBytes: 0, heldBytes: 0, tunnels: 0, peers: 0 })
      }),
      { numRuns: 500 }
    )
  })
})

describe('the send credit', () => {
  it('adds up what was granted', () => {
    const credit = new SendCredit(10)
    credit.take(10)
    credit.grant(0)
    expect(credit.availableBytes).toBe(0)
    credit.grant(0xffffffff)
    credit.take(0xffffffff)
    expect(() => credit.take(1)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })
})
