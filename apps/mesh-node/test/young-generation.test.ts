import { describe, expect, it } from 'vitest'
import { smallArguments, type Start } from '../src/young-generation.ts'

const start = (words: string[], own: Partial<Start> = {}): Start => ({
  argv: ['/bin/node', '/opt/mesh-node.js', ...words],
  execArgv: [],
  nodeOptions: '',
  ...own
})

describe('the arguments of a node', () => {
  it('keep what the process was started with', () => {
    expect(smallArguments(start(['--state-dir', '/a', 'up'], { execArgv: ['--enable-source-maps'] }))).toEqual([
      '--enable-source-maps',
      '--max-semi-space-size=4',
      '/opt/mesh-node.js',
      '--state-dir',
      '/a',
      'up'
    ])
  })

  it.each([
    { of: 'another verb', words: ['status'], own: {} },
    { of: 'a question for help', words: ['up', '--help'], own: {} },
    { of: 'a flag', words: ['up'], own: { execArgv: ['--max-semi-space-size=4'] } },
    { of: 'a flag in the spelling of V8', words: ['up'], own: { execArgv: ['--max_semi_space_size=64'] } },
    { of: 'NODE_OPTIONS', words: ['up'], own: { nodeOptions: '--no-warnings --max-semi-space-size=16' } }
  ])('stay as they are because of $of', ({ words, own }) => {
    expect(smallArguments(start(words, own))).toBeUndefined()
  })
})
