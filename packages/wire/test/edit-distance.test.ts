import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { editDistance } from '@agent-mesh/wire'

/** By definition: no row is kept, nothing is cut off. */
const full = (a: string, b: string): number => {
  if (a === '' || b === '') return a.length + b.length
  const [x, y] = [a.slice(1), b.slice(1)]
  if (a[0] === b[0]) return full(x, y)
  const isSwap = a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]
  return 1 + Math.min(full(x, b), full(a, y), full(x, y), isSwap ? full(a.slice(2), b.slice(2)) : Infinity)
}

it.each([
  ['', '', 0],
  ['ops', 'ops', 0],
  ['ops', 'opss', 1],
  ['ops', 'osp', 1],
  ['bbo', 'bob', 1],
  ['kitten', 'sitting', 3]
])('from %j to %j it is %i', (a, b, edits) => {
  expect(editDistance(a, b, 9)).toBe(edits)
  expect(editDistance(b, a, 9)).toBe(edits)
})

it('is what the definition says, up to the bound, and one more beyond it', () => {
  const word = fc.stringMatching(/^[ab]{0,8}$/)
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 4 }), (a, b, most) => {
      expect(editDistance(a, b, most)).toBe(Math.min(full(a, b), most + 1))
    }),
    { numRuns: 500 }
  )
})
