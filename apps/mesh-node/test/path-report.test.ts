import { expect, it } from 'vitest'
import type { MtuResponse } from '@agent-mesh/wire/api'
import { describePathReport } from '../src/path-report.ts'

const found: MtuResponse = {
  peerId: '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ',
  name: 'bob',
  host: '192.0.2.7',
  mtu: {
    method: 'ping -M do, both ways at once',
    linkMtu: 1_500,
    out: 1_500,
    back: 1_500,
    isTold: false,
    isBlackHole: false,
    route: { device: 'eth0', gateway: '198.51.100.1' }
  },
  ageMs: 0,
  overheads: [],
  elapsedMs: 1
}
const hole = { ...found.mtu, linkMtu: 1_500, out: 1_280, back: 1_280, isTold: false, isBlackHole: true, method: '' }
const textOf = (response: MtuResponse): string => describePathReport(response).join('\n')

it('says that nothing is to be set where the path is as large as the link, or routers say its size', () => {
  expect(textOf(found)).toMatch(/to set\s+Nothing is to be set\./)
  expect(textOf({ ...found, mtu: { ...hole, isTold: true, isBlackHole: false } })).toMatch(/Nothing is to be set\./)
})

it('gives the commands that mend a black hole, on the side whose packets vanish', () => {
  const both = textOf({ ...found, mtu: { ...hole, route: { device: 'eth0', gateway: '198.51.100.1' } } })
  expect(both).toContain('ip route replace 192.0.2.7/32 via 198.51.100.1 dev eth0 mtu lock 1280')
  expect(both).toContain('ip link set dev eth0 mtu 1280')
  expect(both).toContain('maxseg size set 1240')
  expect(both).toContain('on the host of bob likewise')
  const back = textOf({ ...found, mtu: { ...hole, out: 1_500 } })
  expect(back).not.toContain('ip route replace 192.0.2.7')
  expect(back).toContain('on the host of bob, towards this one: ip route replace … mtu lock 1280')
})

it('says what bytes cost, who counted them, and what was not measured', () => {
  const text = textOf({
    ...found,
    overheads: [
      {
        path: 'direct',
        layers: ['TCP', '/tls/1.0.0', '/yamux/1.0.0', 'tunnel'],
        countedBy: 'the kernel',
        headerBytes: 52,
        writes: [{ payloadBytes: 64, sentBytes: 102, segments: 1, wireBytes: 154 }],
        reason: '65536 bytes: no'
      },
      { path: 'relayed', layers: ['TCP'], writes: [], reason: 'no counters' }
    ]
  })
  expect(text).toContain('on the direct connection: TCP > /tls/1.0.0 > /yamux/1.0.0 > tunnel')
  expect(text).toMatch(/ 64 +102 +1 +154 +2\.406/)
  expect(text).toContain('52 bytes of IP and TCP headers')
  expect(text).toContain('not measured: 65536 bytes: no')
  expect(text).toContain('not measured: no counters')
  expect(textOf(found)).toContain('what bytes cost: not measured, no connection')
})

it('says why no largest packet is known', () => {
  const { mtu: _, host: __, ...rest } = found
  expect(textOf({ ...rest, mtuReason: 'No path leads there.' })).toMatch(/largest packet +unknown: No path leads there/)
})
