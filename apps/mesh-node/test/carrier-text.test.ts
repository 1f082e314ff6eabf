import { describe, expect, it } from 'vitest'
import type { CarrierDocument } from '@agent-mesh/wire/api'
import { carriersTable, describeCarrierUse } from '../src/carrier-text.ts'

const nowMs = Date.UTC(2026, 0, 1)
const carrier = (fields: Partial<CarrierDocument>): CarrierDocument => ({
  peerId: 'c',
  addresses: ['/ip4/192.0.2.1/tcp/4001/p2p/c'],
  circuits: 0,
  state: 'unused',
  ...fields
})
const stateOf = (fields: Partial<CarrierDocument>): string => carriersTable([carrier(fields)], nowMs)[1] ?? ''

describe('carriers for people', () => {
  it('are shown with what they give to each connection', () => {
    expect(stateOf({ state: 'held', untilMs: nowMs, limitBytes: 131_072, limitSeconds: 120, circuits: 2 })).toMatch(
      /\/p2p\/c +2 +128 KiB and 120 s +a place until 2026-01-01 00:00:00 UTC$/
    )
    expect(stateOf({ state: 'held' })).toMatch(/no limit +a place$/)
    expect(carriersTable(undefined, nowMs)).toEqual([])
  })

  it('are shown with why they give no place, and when they are asked again', () => {
    expect(stateOf({ state: 'refused', reason: 'It is full.', retryMs: nowMs + 90_000 })).toMatch(
      /It is full\.; asked again in 1 m 30 s$/
    )
    expect(stateOf({ state: 'unused' })).toMatch(/not needed$/)
    expect(stateOf({ state: 'asking' })).toMatch(/is asked for a place$/)
  })

  it('are named with a member that is reached through them, and what of the limits is used', () => {
    const use = { peerId: 'c', limitBytes: 131_072, limitSeconds: 120, usedBytes: 20_480, usedSeconds: 7 }
    expect(describeCarrierUse(use)).toBe('through the carrier c: 20 KiB and 7 s of 128 KiB and 120 s used')
  })
})
