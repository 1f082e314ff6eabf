import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quote } from '@agent-mesh/wire'

describe('text from outside', () => {
  it('stays readable in every script', () => {
    expect(quote('alice')).toBe('"alice"')
    expect(quote('Grüße, 世界 🚀')).toBe('"Grüße, 世界 🚀"')
  })

  it('does nothing to a terminal or to the direction of the line', () => {
    expect(quote('\u001b[31m')).toBe(String.raw`"\u{1b}[31m"`)
    expect(quote('a\r\nb\u0000\u009b')).toBe(String.raw`"a\u{d}\u{a}b\u{0}\u{9b}"`)
    expect(quote('\u202e\u2066\u200b\ufeff\u2028')).toBe(String.raw`"\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}"`)
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(quote(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      })
    )
  })

  it('is cut, and says so, at one past the most', () => {
    expect(quote('x'.repeat(64))).toBe(`"${'x'.repeat(64)}"`)
    expect(quote('x'.repeat(65))).toBe(`"${'x'.repeat(64)}…"`)
    expect(quote('🚀🚀', 3)).toBe(String.raw`"🚀\u{d83d}…"`)
  })
})
