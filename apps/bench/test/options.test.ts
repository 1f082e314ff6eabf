import { describe, expect, it } from 'vitest'
import { parseOptions } from '../src/options.ts'
import { readWrk } from '../src/workloads/http.ts'

const known = { names: ['stream', 'http'], contenders: ['direct', 'ssh', 'mesh'] }

describe('parseOptions', () => {
  it('takes five rounds and everybody where nothing is said', () => {
    expect(parseOptions([], known)).toMatchObject({ names: [], contenders: undefined, rounds: 5 })
  })

  it('takes names and contenders that there are', () => {
    const options = parseOptions(['stream', '--contenders', 'direct,mesh', '--rounds', '3'], known)
    expect(options).toMatchObject({ names: ['stream'], contenders: ['direct', 'mesh'], rounds: 3 })
  })

  it.each([
    [['streem'], 'There is no workload "streem"'],
    [['--contenders', 'direct,wg'], 'There is no contender "wg"'],
    [['--rounds', '0'], '--rounds takes a whole number above 0'],
    [['--seconds', '1.5'], '--seconds takes a whole number above 0']
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(args, known)).toThrow(message)
  })
})

const latency = '  Latency Distribution\n     50%  210.00us\n     99%    1.50ms\n'

describe('readWrk', () => {
  it('reads the rate and the 99th percentile in milliseconds', () => {
    expect(readWrk(`${latency}Requests/sec:  12345.67\n`)).toEqual({ rate: 12_345.67, p99Ms: 1.5 })
  })

  it.each(['  Socket errors: connect 0, read 3, write 0, timeout 0\n', '  Non-2xx or 3xx responses: 7\n'])(
    'takes no figures from a run with failures: %s',
    (failure) => {
      expect(() => readWrk(`${latency}${failure}Requests/sec:  12345.67\n`)).toThrow('wrk says')
    }
  )
})
