import { describe, expect, it } from 'vitest'
import { formatUpstream, parseUpstream } from '@agent-mesh/data-plane'
import { joinWords, splitWords } from '../../src/upstream/stdio/words.ts'

describe('a command line', () => {
  it.each([
    ['npx some-server', ['npx', 'some-server']],
    ['  a\t b  ', ['a', 'b']],
    [`a 'b c' "d e"`, ['a', 'b c', 'd e']],
    [`a 'b"c' "d'e"`, ['a', 'b"c', "d'e"]],
    [`a "b\\"c\\\\d\\e"`, ['a', 'b"c\\d\\e']],
    ['a b\\ c', ['a', 'b c']],
    [`a '' ""`, ['a', '', '']],
    [`a'b'"c"d`, ['abcd']],
    ['$HOME `id` $(id) ; *', ['$HOME', '`id`', '$(id)', ';', '*']]
  ])('%s is these words', (text, words) => {
    expect(splitWords(text)).toEqual(words)
    expect(splitWords(joinWords(words))).toEqual(words)
  })

  it.each([`a 'b`, `a "b`, `a "b\\"`])('%s has a quote that is not closed', (text) => {
    expect(splitWords(text)).toBeUndefined()
  })

  it('comes back as it was from a service', () => {
    const upstream = parseUpstream(`stdio:node -e 'console.log("a b")' --x=1`)
    expect(upstream).toEqual({
      kind: 'stdio',
      address: { type: 'stdio', command: ['node', '-e', 'console.log("a b")', '--x=1'] }
    })
    expect(parseUpstream(formatUpstream(upstream))).toEqual(upstream)
  })

  it.each(['stdio:', 'stdio:  ', `stdio:''`, `stdio:a 'b`, 'stdio:a\0b'])('%j is no service', (text) => {
    expect(() => parseUpstream(text)).toThrow(expect.objectContaining({ code: 'SERVICE_INVALID' }))
  })
})
