import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressTable } from '../../../src/gateway/dns/address-table.ts'
import { parseLoopbackRange } from '../../../src/gateway/dns/loopback-range.ts'

const seed = Number(process.env['MESH_SEED'] ?? 20_261_123)

const tableOf = (range: string, most: number, salt = 'me'): { table: AddressTable; pass: (ms: number) => void } => {
  let nowMs = 0
  const table = new AddressTable({ range: parseLoopbackRange(range), most, salt, now: () => nowMs })
  return {
    table,
    pass: (ms) => {
      nowMs += ms
    }
  }
}

describe('the table of addresses', () => {
  it('gives every host one of its own, the same as in the run before', () => {
    const hosts = Array.from({ length: 200 }, (_, index) => `agent-${index}.mesh`)
    const { table } = tableOf('127.77.0.0/16', 256)
    const given = hosts.map((host) => table.assign(host).address)
    expect(new Set(given).size).toBe(200)
    expect(given.every((address) => address.startsWith('127.77.'))).toBe(true)
    const { table: next } = tableOf('127.77.0.0/16', 256)
    expect(hosts.map((host) => next.assign(host).address)).toEqual(given)
    const { table: other } = tableOf('127.77.0.0/16', 256, 'another node')
    expect(hosts.filter((host, index) => other.assign(host).address === given[index]).length).toBeLessThan(5)
  })

  it('takes the place of the host that was not used for longest', () => {
    const { table, pass } = tableOf('127.77.0.0/24', 2)
    for (const host of ['a', 'b']) table.assign(host)
    table.touch('a', 10)
    pass(10)
    expect(table.assign('c').lost).toBe('b')
    expect(table.size).toBe(2)
    expect(table.addressOf('b')).toBeUndefined()
  })

  it('never takes one that is held, or that was told and may still be used', () => {
    const { table, pass } = tableOf('127.77.0.0/24', 2)
    table.assign('held')
    const release = table.hold('held')
    table.assign('told')
    table.touch('told', 1_000)
    expect(() => table.assign('more')).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
    pass(999)
    expect(() => table.assign('more')).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
    release()
    release()
    expect(table.assign('more').lost).toBe('held')
    pass(1)
    expect(table.assign('yet more').lost).toBe('told')
  })

  it('gives a former address to another host last of all, and back to its own', () => {
    const { table } = tableOf('127.77.0.0/29', 1)
    const first = table.assign('first').address
    const others = ['b', 'c', 'd', 'e', 'f'].map((host) => table.assign(host).address)
    expect(new Set([first, ...others]).size).toBe(6)
    expect(table.assign('first').address).toBe(first)
    expect(table.assign('g').address).toBe(others[0])
  })

  it('does not come back to an address of another program', () => {
    const { table } = tableOf('127.77.0.0/30', 2)
    const { address } = table.assign('a')
    table.avoid('a')
    const second = table.assign('a').address
    expect(second).not.toBe(address)
    table.avoid('a')
    expect(table.assign('a').address).toBe(address)
  })

  it('keeps its promises whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom(
        'assign',
        'assign',
        'assign',
        'touch',
        'touch',
        'hold',
        'hold',
        'release',
        'pass',
        'forget',
        'avoid'
      ),
      host: fc.integer({ min: 0, max: 7 }).map((index) => `host-${index}`),
      ms: fc.nat(9)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        let nowMs = 0
        const range = parseLoopbackRange('127.77.0.0/29')
        const table = new AddressTable({ range, most: 4, salt: 'x', now: () => nowMs })
        const live = new Map<string, string>()
        const until = new Map<string, number>()
        const held: Array<{ host: string; release: () => void }> = []
        const isSafe = (host: string): boolean =>
          (until.get(host) ?? -1) > nowMs || held.some((one) => one.host === host)
        for (const { what, host, ms } of steps) {
          if (what === 'pass') nowMs += ms
          else if (what === 'release') held.shift()?.release()
          else if (what === 'assign') {
            try {
              const { address, lost } = table.assign(host)
              if (live.has(host)) expect(address).toBe(live.get(host))
              if (lost !== undefined) {
                expect(isSafe(lost)).toBe(false)
                live.delete(lost)
              }
              live.set(host, address)
            } catch (err) {
              expect(err).toMatchObject({ code: 'LIMIT_EXCEEDED' })
              expect([...live.keys()].every(isSafe)).toBe(true)
            }
          } else if (!live.has(host)) continue
          else if (what === 'touch') {
            table.touch(host, ms)
            until.set(host, Math.max(until.get(host) ?? 0, nowMs + ms))
          } else if (what === 'hold') held.push({ host, release: table.hold(host) })
          else if (!held.some((one) => one.host === host)) {
            if (what === 'forget') table.forget(host)
            else table.avoid(host)
            live.delete(host)
            until.delete(host)
          }
          expect(table.size).toBeLessThanOrEqual(4)
          expect(new Set(live.values()).size).toBe(live.size)
          for (const [one, address] of live) expect(table.addressOf(one)).toBe(address)
        }
      }),
      { seed, numRuns: 1_000 }
    )
  })
})

describe('a range of addresses', () => {
  it('has those between its first and its last', () => {
    expect(parseLoopbackRange('127.77.0.0/16')).toMatchObject({ count: 65_534 })
    const { table } = tableOf('127.200.4.8/30', 4)
    expect([table.assign('a').address, table.assign('b').address].toSorted()).toEqual(['127.200.4.10', '127.200.4.9'])
  })

  it.each([
    '127.77.0.0',
    '10.0.0.0/16',
    '127.77.0.1/16',
    '127.0.0.0/16',
    '127.0.0.0/8',
    '127.77.0.0/31',
    '127.77/16',
    'x'
  ])('is not %s', (text) => {
    expect(() => parseLoopbackRange(text)).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }))
  })
})
