import { describe, it } from 'vitest'
import { verifyChain } from '@agent-mesh/identity'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { graft, hex, judge, withoutStacks } from './judge.ts'
import { delegate, delegateChain, member, memberChain, networkKey, nowMs, rootChain, sign } from './network-fixture.ts'

describe(`${cases / 2} mutations`, () => {
  withoutStacks()

  it('of certificate chains make no other member', { timeout: 120_000 }, async () => {
    const expired = [await sign({ name: 'old', notBeforeMs: 1, notAfterMs: 2 })]
    const other = [await sign({ name: 'mallory', groups: ['x'] }, delegate), ...delegateChain]
    const single: [Uint8Array[], ...Uint8Array[][]] = [rootChain, delegateChain]
    const double: [Uint8Array[], ...Uint8Array[][]] = [memberChain, other]
    const valid = [...single, ...double]
    const pool = [...valid, expired, [await sign({}, member)]].flat()
    const random = seededRandom(seed)
    const judged = judge('chain', new Set(valid.map(hex)))
    for (let i = 0; i < cases / 2; i++) {
      const chain = [...random.pick(random.int(4) === 0 ? double : single)]
      const at = random.int(chain.length)
      const one = chain[at] ?? new Uint8Array()
      const another = pool[random.int(pool.length)] ?? one
      switch (random.int(8)) {
        case 0:
          chain[at] = graft(one, another, random)
          break
        case 1:
          chain[at] = another
          break
        case 2:
          chain.splice(random.int(2), random.int(2), another)
          break
        default:
          chain[at] = mutate(one, random)
      }
      await judged.try(
        i,
        () => hex(chain),
        async () => verifyChain(chain, networkKey, nowMs)
      )
    }
    judged.end()
  })
})
