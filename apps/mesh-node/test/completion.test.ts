import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { exampleVocabulary, examplePeerId as peerId } from '@agent-mesh/testkit/example-node'
import { allCommands, verbs } from '../src/commands/index.ts'
import { questionOf } from '../src/completion/question.ts'
import { scripts } from '../src/completion/scripts.ts'
import { matching, valuesOf } from '../src/completion/values.ts'
import { splitLine } from '../src/completion/words.ts'

const commands = await allCommands()

const complete = (line: string): string[] | string => {
  const words = splitLine(line)
  const question = questionOf(verbs, commands, words)
  const answer =
    question.is === 'words' ? question : valuesOf(question.command, question.placeholder, exampleVocabulary)
  return answer.is === 'words' ? matching(answer.words, words.at(-1) ?? '') : answer.is
}

describe('a line', () => {
  it.each([
    ['', ['']],
    ['find  a', ['find', 'a']],
    ['find ', ['find', '']],
    [`x 'a b' "c d`, ['x', 'a b', 'c d']],
    ['x a\\ b', ['x', 'a b']],
    [`x "" y`, ['x', '', 'y']]
  ])('%j is taken apart as a shell does', (line, words) => {
    expect(splitLine(line)).toEqual(words)
  })
})

describe('completion', () => {
  it.each([
    ['sta', ['status']],
    ['cert re', ['request', 'renew']],
    ['network root ', ['export', 'import', 'remove']],
    ['why --fr', ['--from']],
    ['--js', ['--json']],
    ['dial ', ['bob', 'cap:a', 'cap:a/b']],
    ['dial 12D3', [peerId]],
    ['forward 127.0.0.1:0 bob/', ['bob/ssh', 'bob/web']],
    ['forward 127.0.0.1:0 cap:a/', ['cap:a/b']],
    ['forward --remove ', ['127.0.0.1:4000']],
    ['unserve ', ['web']],
    ['publish a/b --service ', ['web']],
    ['publish --service web a', ['a', 'a/b']],
    ['serve web=tcp://127.0.0.1:1 --allow bob,', ['bob,members', 'bob,bob', 'bob,group:translators']],
    ['wait --for c', ['capability:a', 'capability:a/b']],
    ['audit tail -f --peer ', ['bob']],
    ['up --config ', 'files'],
    ['up --state-dir ', 'directories'],
    ['--state-dir /x find a/', ['a/b']],
    ['status ', []],
    ['nonsense ', []],
    ['top --sort t', ['tunnels', 'traffic']]
  ])('of %j', (line, words) => {
    expect(complete(line)).toEqual(words)
  })

  it('hands a shell no word that it would act on', () => {
    const hostile = [
      'a b',
      'a;b',
      '$(x)',
      '`x`',
      'a\nb',
      '\u001B[2J',
      '\u202Ea',
      "a'b",
      'a"b',
      '*',
      '~',
      'a'.repeat(500)
    ]
    expect(matching([...hostile, 'fine'], '')).toEqual(['fine'])
  })

  it('knows verbs and options without a node, and then no name', () => {
    expect(valuesOf('dial', '<target>', undefined)).toEqual({ is: 'words', words: [] })
  })

  it.each(['bash', 'zsh', 'fish'] as const)('has a script that %s reads, where there is one', (shell) => {
    const { error, status, stderr } = spawnSync(shell, ['-n'], { input: scripts[shell], encoding: 'utf8' })
    if (error !== undefined) return expect(shell).not.toBe('bash')
    expect([status, stderr]).toEqual([0, ''])
  })
})
