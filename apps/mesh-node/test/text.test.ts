import { describe, expect, it } from 'vitest'
import { MeshError } from '@agent-mesh/wire'
import { formatError } from '../src/report.ts'
import { fields, formatAge, formatBytes, shellWord, table } from '../src/text.ts'

describe('text for people', () => {
  it('is aligned, and no cell of a peer acts on the terminal', () => {
    expect(
      table(
        ['NAME', 'WHY'],
        [
          ['bob', 'near'],
          ['x\u001B[31m\u202Eevil\nline', 'y']
        ]
      )
    ).toEqual([
      'NAME                              WHY',
      'bob                               near',
      'x\\u{1b}[31m\\u{202e}evil\\u{a}line  y'
    ])
    expect(table(['A'], [])).toEqual([])
    expect(table(['A'], [['x'.repeat(10_000)]]).join('').length).toBeLessThan(500)
  })

  it('puts the values of one name under each other', () => {
    expect(
      fields([
        ['a', '1'],
        ['long', ['2', '3\u0007']]
      ])
    ).toEqual(['a     1', 'long  2', '      3\\u{7}'])
  })

  it('counts bytes and times in words', () => {
    expect([0, 999, 1_000, 2_500_000].map(formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '2.5 MB'])
    expect([0, 999, 61_000, 3_600_000, 90_061_000].map(formatAge)).toEqual(['0 s', '0 s', '1 m 1 s', '1 h', '1 d 1 h'])
  })

  it('quotes a word for the shell', () => {
    expect(['/srv/a', 'a b', "it's"].map(shellWord)).toEqual(['/srv/a', "'a b'", "'it'\\''s'"])
  })

  it('of an error names the layer and the next command, in three lines whatever a peer wrote', () => {
    expect(formatError(new MeshError('DENIED', 'bob says\u001B[2J\nno.', { hint: 'Ask bob.' }), false)).toBe(
      'mesh-node: bob says\\u{1b}[2J\\u{a}no.\n  layer: policy (DENIED)\n  next: Ask bob.'
    )
  })
})
