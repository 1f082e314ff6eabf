import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePolicy, decide, parsePolicy, type Question } from '@agent-mesh/identity'
import { seed } from '@agent-mesh/testkit/mutations'
import { nowMs } from '../network-fixture.ts'
import { firstGrant, type PlainPolicy } from './naive.ts'
import { peerIdOf } from './policy-fixture.ts'

const policies = Number(process.env['MESH_POLICIES'] ?? 10_000)
const questionsPerPolicy = 8

// Few of each, so that names, groups of the file and groups of certificates meet under one word.
const words = ['a', 'b', 'c', 'd']
const services = ['web', 'api', 'ssh']
const paths = ['x', 'x/y', 'x/y/z', 'x/yy', 'v']
const peers = await Promise.all([21, 22, 23, 24].map(peerIdOf))
const [p1 = '', p2 = '', p3 = ''] = peers
const successions = [
  new Map<string, string>(),
  new Map([[p1, p2]]),
  new Map([
    [p1, p2],
    [p2, p3]
  ])
]

const some = <T>(items: fc.Arbitrary<T>, most = 3) => fc.array(items, { minLength: 1, maxLength: most })
const until = fc.constantFrom(undefined, undefined, ...[-1, 0, 1].map((ms) => new Date(nowMs + ms).toISOString()))

const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...words) },
  { weight: 2, arbitrary: fc.constantFrom(...words.flatMap((one) => [`name:${one}`, `group:${one}`])) },
  { weight: 2, arbitrary: fc.constantFrom(...peers, `peer:${p1}`) },
  { weight: 1, arbitrary: fc.constant('members') }
)

/** A group names only groups that come before it in the alphabet: no circles. */
const groups = fc.subarray(words).chain((names) =>
  fc.tuple(...names.map(() => fc.array(word, { maxLength: 3 }))).map((lists) =>
    Object.fromEntries(
      names.map((name, index) => {
        const isEarlier = (inner: string): boolean => {
          const bare = inner.replace(/^group:/, '')
          return !names.includes(bare) || bare < name
        }
        return [name, (lists[index] ?? []).filter(isEarlier)]
      })
    )
  )
)

const grant = fc
  .record({
    from: some(word),
    to: some(word),
    services: fc.subarray([...services, '*']),
    capabilities: fc.subarray(paths, { maxLength: 2 }),
    until
  })
  .map(({ until: end, ...rest }) => (end === undefined ? rest : { ...rest, until: end }))

const policy: fc.Arbitrary<PlainPolicy> = fc.record({ groups, grants: fc.array(grant, { maxLength: 6 }) })

const subject = fc.record({
  peerId: fc.constantFrom(...peers),
  name: fc.constantFrom(...words, 'e'),
  groups: fc.subarray(words, { maxLength: 2 })
})

const question: fc.Arbitrary<Question> = fc.record({
  caller: subject,
  callee: subject,
  service: fc.constantFrom(...services),
  capabilities: fc.subarray(paths, { maxLength: 2 }),
  nowMs: fc.constant(nowMs)
})

/** One grant a line, from line 2 on; JSON is YAML. */
const sourceOf = (plain: PlainPolicy): string =>
  [
    `groups: ${JSON.stringify(plain.groups)}`,
    plain.grants.length === 0 ? 'grants: []' : 'grants:',
    ...plain.grants.map((one) => `- ${JSON.stringify(one)}`)
  ].join('\n')

describe('a compiled policy', () => {
  it(`decides as one that is read from top to bottom: ${policies} policies, seed ${seed}`, { timeout: 120_000 }, () => {
    let allowed = 0
    fc.assert(
      fc.property(
        policy,
        fc.array(question, { minLength: questionsPerPolicy, maxLength: questionsPerPolicy }),
        fc.constantFrom(...successions),
        (plain, questions, successors) => {
          const compiled = compilePolicy(parsePolicy(sourceOf(plain)), { successors })
          for (const one of questions) {
            const first = firstGrant(plain, one, successors)
            const decision = decide(compiled, one)
            const line = first === undefined ? undefined : first + 2
            // Asserted by hand: 80,000 calls of expect would cost more than the decisions.
            if (decision.allowed !== (first !== undefined) || decision.line !== line) {
              expect.fail(`${JSON.stringify(decision)} instead of line ${line} for ${JSON.stringify(one)}`)
            }
            if (decision.allowed) allowed++
          }
        }
      ),
      { numRuns: policies, seed }
    )
    // Half of the questions should come out either way, or nothing was compared.
    const share = allowed / (policies * questionsPerPolicy)
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.8)
  })
})
