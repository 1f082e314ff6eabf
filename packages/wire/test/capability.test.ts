import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  capabilityMatches,
  limits,
  MeshError,
  nearCapabilities,
  parseCapability,
  withAncestors
} from '@agent-mesh/wire'

const refused = expect.objectContaining({ name: 'MeshError', code: 'CAPABILITY_INVALID' })
const part = fc.stringMatching(/^[a-z0-9_-]{1,12}$/)
const path = fc.array(part, { minLength: 1, maxLength: limits.capabilityDepth }).map((parts) => parts.join('/'))

describe('a capability', () => {
  it.each([
    'a',
    'language_processing/translation',
    'x-acme/tools/v2',
    '0',
    '-',
    '_',
    'a'.repeat(limits.capabilityLength),
    Array.from({ length: limits.capabilityDepth }, () => 'a').join('/')
  ])('is a path like %s', (text) => {
    expect(parseCapability(text)).toBe(text)
  })

  it.each([
    ['', 'it is empty'],
    ['/', 'a part is empty'],
    ['a/', 'a part is empty'],
    ['/a', 'a part is empty'],
    ['a//b', 'a part is empty'],
    ['a/../b', 'part ".."'],
    ['Language', 'part "Language"'],
    ['a b', 'part "a b"'],
    ['a\n', String.raw`part "a\u{a}"`],
    ['ä', 'part "ä"'],
    ['a.b', 'part "a.b"'],
    ['a\u0000', String.raw`part "a\u{0}"`],
    ['a'.repeat(limits.capabilityLength + 1), 'more than 128 characters'],
    [Array.from({ length: limits.capabilityDepth + 1 }, () => 'a').join('/'), 'more than 8 parts']
  ])('is not %j', (text, why) => {
    expect(() => parseCapability(text)).toThrow(refused)
    expect(() => parseCapability(text)).toThrow(why)
  })

  it('is any text, or is refused with its own error', () => {
    const letters = fc.oneof(fc.string({ maxLength: 140, unit: 'binary' }), path)
    fc.assert(
      fc.property(letters, (text) => {
        try {
          expect(parseCapability(text)).toMatch(/^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/)
        } catch (err) {
          if (!(err instanceof MeshError)) throw err
        }
      }),
      { numRuns: 5_000 }
    )
  })

  it('has all its ancestors, itself first', () => {
    expect(withAncestors('a/b/c')).toEqual(['a/b/c', 'a/b', 'a'])
    expect(withAncestors('a')).toEqual(['a'])
    fc.assert(
      fc.property(path, (one) => {
        const all = withAncestors(one)
        expect(all).toHaveLength(one.split('/').length)
        for (const ancestor of all) {
          expect(parseCapability(ancestor)).toBe(ancestor)
          expect(capabilityMatches(one, ancestor)).toBe(true)
        }
      })
    )
  })

  it('matches itself and what it descends from, never what only begins with the same letters', () => {
    expect(capabilityMatches('vision/ocr', 'vision')).toBe(true)
    expect(capabilityMatches('vision', 'vision')).toBe(true)
    expect(capabilityMatches('vision', 'vision/ocr')).toBe(false)
    expect(capabilityMatches('visionary/ocr', 'vision')).toBe(false)
    expect(capabilityMatches('computer/vision', 'vision')).toBe(false)
  })
})

describe('did you mean', () => {
  const known = ['language_processing/translation', 'language_processing/summary', 'vision/ocr', 'vision', 'math']

  it('names what is one or two letters away, nearest first', () => {
    expect(nearCapabilities('language_processing/translaton', known)).toEqual(['language_processing/translation'])
    expect(nearCapabilities('language_procesing/translaton', known)).toEqual(['language_processing/translation'])
    expect(nearCapabilities('visions', [...known, 'vision', 'visio', 'visions2'])).toEqual([
      'vision',
      'visions2',
      'visio'
    ])
  })

  it('allows one letter only where the path is short', () => {
    expect(nearCapabilities('mth', known)).toEqual(['math'])
    expect(nearCapabilities('mt', known)).toEqual([])
    expect(nearCapabilities('moth', known)).toEqual(['math'])
    expect(nearCapabilities('mothx', known)).toEqual([])
  })

  it('names the same leaf under another parent', () => {
    expect(nearCapabilities('nlp/translation', known)).toEqual(['language_processing/translation'])
    expect(nearCapabilities('translation', known)).toEqual(['language_processing/translation'])
  })

  it('says nothing of the path itself, of its descendants, and of what is far', () => {
    expect(nearCapabilities('vision', known)).toEqual([])
    expect(nearCapabilities('language_processing', known)).toEqual([])
    expect(nearCapabilities('cooking/pasta', known)).toEqual([])
  })

  it('names each once, and no more than asked for', () => {
    const many = ['aaaaaa1', 'aaaaaa2', 'aaaaaa3', 'aaaaaa4', 'aaaaaa1']
    expect(nearCapabilities('aaaaaa', many)).toEqual(['aaaaaa1', 'aaaaaa2', 'aaaaaa3'])
    expect(nearCapabilities('aaaaaa', many, 1)).toEqual(['aaaaaa1'])
  })
})
