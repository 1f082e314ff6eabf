import { expect, it } from 'vitest'
import { readWrk } from '../src/workloads/http.ts'

/** As wrk 4.1 prints it: units of one letter have a space behind them. */
const said = (p99: string, more = ''): string => `Running 2s test @ http://127.0.0.1:45213/
  1 threads and 256 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   806.41ms  357.59ms   1.23s    40.72%
    Req/Sec   119.60    101.53   207.00     60.00%
  Latency Distribution
     50%  923.18ms
     99%  ${p99}
  167 requests in 2.12s, 23.97KB read
${more}Requests/sec:     78.65
Transfer/sec:     11.29KB
`

it('reads rate and p99 in each of the units', () => {
  expect(readWrk(said('  1.23s '))).toEqual({ rate: 78.65, p99Ms: 1_230 })
  expect(readWrk(said('12.50ms'))).toEqual({ rate: 78.65, p99Ms: 12.5 })
  expect(readWrk(said('250.00us')).p99Ms).toBeCloseTo(0.25)
})

it('takes no figures where anything failed', () => {
  for (const line of ['  Non-2xx or 3xx responses: 1\n', '  Socket errors: connect 0, read 3, write 0, timeout 0\n'])
    expect(() => readWrk(said('1.00ms', line))).toThrow('wrk says')
})
