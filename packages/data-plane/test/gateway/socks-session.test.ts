import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorKinds, isErrorCode } from '@agent-mesh/wire'
import { replyOf } from '../../src/gateway/socks/codec.ts'
import { SocksSession, type SessionStep } from '../../src/gateway/socks/session.ts'

const greeting = [5, 1, 0]
const name = (host: string, port: number, command = 1): number[] => [
  5,
  command,
  0,
  3,
  host.length,
  ...Buffer.from(host),
  port >> 8,
  port & 255
]

const run = (...pieces: number[][]): SessionStep[] => {
  const session = new SocksSession()
  return pieces.flatMap((piece) => session.push(Uint8Array.from(piece)))
}

/** Steps without their split: what was sent, and what came of it. */
const outcome = (steps: SessionStep[]) => ({
  sent: Buffer.concat(steps.flatMap((step) => step.send ?? [])).toString('hex'),
  connect: steps.flatMap(({ connect }) => (connect === undefined ? [] : [{ host: connect.host, port: connect.port }])),
  refused: steps.flatMap(({ refused }) => refused ?? [])
})

describe('a SOCKS session', () => {
  it.each<[string, number[], { host: string; port: number }]>([
    ['a name', name('web.alice.mesh', 80), { host: 'web.alice.mesh', port: 80 }],
    ['a name of 255 letters', name('a'.repeat(255), 65_535), { host: 'a'.repeat(255), port: 65_535 }],
    ['an IPv4 address', [5, 1, 0, 1, 192, 0, 2, 7, 0x1f, 0x90], { host: '192.0.2.7', port: 8080 }],
    [
      'an IPv6 address',
      [5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 22],
      { host: '2001:db8:0:0:0:0:0:1', port: 22 }
    ]
  ])('takes %s', (_what, request, expected) => {
    expect(outcome(run([...greeting, ...request]))).toEqual({ sent: '0500', connect: [expected], refused: [] })
  })

  it.each<[string, number[], string]>([
    ['SOCKS4', [4, 1, 0, 80, 127, 0, 0, 1, 0], '005b000000000000'],
    ['another version', [6, 1, 0], '05ff'],
    ['a TLS hello', [0x16, 3, 1, 2, 0], '05ff'],
    ['passwords alone', [5, 1, 2], '05ff'],
    ['no methods', [5, 0], '05ff'],
    ['BIND', [...greeting, ...name('alice.mesh', 80, 2)], '050005070001000000000000'],
    ['UDP ASSOCIATE', [...greeting, ...name('alice.mesh', 80, 3)], '050005070001000000000000'],
    ['an unknown command', [...greeting, ...name('alice.mesh', 80, 9)], '050005070001000000000000'],
    ['an unknown address type', [...greeting, 5, 1, 0, 2, 1, 1, 0, 80], '050005080001000000000000'],
    ['another version in the request', [...greeting, 4, 1, 0, 1], '050005010001000000000000'],
    ['a reserved byte that is set', [...greeting, 5, 1, 1, 1], '050005010001000000000000'],
    ['port 0', [...greeting, ...name('alice.mesh', 0)], '050005010001000000000000'],
    ['an empty name', [...greeting, ...name('', 80)], '050005010001000000000000']
  ])('refuses %s', (_what, bytes, sent) => {
    const found = outcome(run(bytes))
    expect(found).toMatchObject({ sent, connect: [] })
    expect(found.refused).toHaveLength(1)
  })

  it('says in HTTP to an HTTP client that this is none', () => {
    const { sent, refused } = outcome(run([...Buffer.from('GET / HTTP/1.1\r\n\r\n')]))
    expect(Buffer.from(sent, 'hex').toString()).toMatch(/^HTTP\/1\.0 501 /)
    expect(refused).toEqual(['HTTP'])
  })

  it('takes one method among several', () => {
    expect(outcome(run([5, 3, 2, 0, 1]))).toMatchObject({ sent: '0500', refused: [] })
  })

  it('does the same whatever the split of the bytes', () => {
    const bytes = fc.oneof(
      fc
        .tuple(fc.stringMatching(/^[a-z.]{1,40}$/), fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 4 }))
        .map(([host, port, command]) => [...greeting, ...name(host, port, command)]),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }).map((rest) => [...greeting, 5, 1, 0, ...rest])
    )
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(60), { maxLength: 12 }),
        fc.uint8Array({ maxLength: 30 }),
        (all, cuts, more) => {
          const whole = [...all, ...more]
          const borders = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).toSorted((a, b) => a - b), whole.length]
          const pieces = borders.slice(1).map((border, i) => whole.slice(borders[i], border))
          const split = run(...pieces)
          const atOnce = run(whole)
          // What is refused may be refused before it is whole; what is said does not depend on it.
          expect(outcome(split)).toEqual(outcome(atOnce))
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it('gives what followed the request to whoever goes on', () => {
    const steps = run(greeting, [...name('alice.mesh', 80), 1, 2, 3])
    expect([...(steps.at(-1)?.connect?.rest ?? [])]).toEqual([1, 2, 3])
  })
})

describe('a reply of SOCKS', () => {
  it.each([
    ['NAME_OUTSIDE', 2],
    ['DENIED', 2],
    ['NAME_UNKNOWN', 4],
    ['UNREACHABLE', 4],
    ['UPSTREAM_REFUSED', 5],
    ['SERVICE_UNKNOWN', 5],
    ['TIMEOUT', 6],
    ['UPSTREAM_TIMEOUT', 6],
    ['SHUTTING_DOWN', 3],
    ['INTERNAL', 1]
  ] as const)('for %s is %i', (code, reply) => {
    expect(replyOf(code)).toBe(reply)
  })

  it('never says yes to an error', () => {
    for (const code of Object.keys(errorKinds)) if (isErrorCode(code)) expect(replyOf(code)).toBeGreaterThan(0)
  })
})
