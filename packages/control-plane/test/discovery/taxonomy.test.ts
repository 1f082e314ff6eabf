import { describe, expect, it } from 'vitest'
import { createTaxonomy, didYouMean } from '../../src/discovery/taxonomy.ts'

describe('a taxonomy', () => {
  const taxonomy = createTaxonomy(['language_processing/translation', 'math/algebra'])

  it('passes its paths, their ancestors, and what an organisation has for itself', () => {
    for (const path of ['language_processing/translation', 'language_processing', 'x-acme/anything'])
      expect(taxonomy.check(path)).toBe(path)
  })

  it('refuses others with what was perhaps meant', () => {
    expect(() => taxonomy.check('language_processing/translatoin')).toThrow(
      expect.objectContaining({ code: 'CAPABILITY_UNKNOWN', hint: 'Did you mean language_processing/translation?' })
    )
    expect(() => taxonomy.check('chess')).toThrow(
      expect.objectContaining({ code: 'CAPABILITY_UNKNOWN', details: { suggestions: [] } })
    )
    expect(() => taxonomy.check('math/algebra/linear')).toThrow(expect.objectContaining({ code: 'CAPABILITY_UNKNOWN' }))
    expect(() => taxonomy.check('No Path')).toThrow(expect.objectContaining({ code: 'CAPABILITY_INVALID' }))
  })

  it('with a damaged line is refused', () => {
    expect(() => createTaxonomy(['a//b'])).toThrow(expect.objectContaining({ code: 'CAPABILITY_INVALID' }))
  })

  it('suggests in one sentence', () => {
    expect([didYouMean([]), didYouMean(['a', 'b/c'])]).toEqual([undefined, 'Did you mean a or b/c?'])
  })
})
