import { MeshError } from '@agent-mesh/wire/errors'
import type { Vocabulary } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { Context } from '../context.ts'
import { questionOf } from '../completion/question.ts'
import { isShell, scripts } from '../completion/scripts.ts'
import { matching, valuesOf, type Answer } from '../completion/values.ts'
import { splitLine } from '../completion/words.ts'
import { commandsFor, verbs } from './index.ts'

/** Longest question to the node: somebody holds a key down. */
const askMs = 500

const stateDirIn = (words: string[]): string | undefined => {
  const at = words.lastIndexOf('--state-dir')
  const given = words.findLast((word) => word.startsWith('--state-dir='))?.slice('--state-dir='.length)
  return at === -1 || at >= words.length - 2 ? given : words[at + 1]
}

/** What the node knows; undefined where none answers in time, for a shell has no place for an error. */
const askNode = async (words: string[], env: NodeJS.ProcessEnv): Promise<Vocabulary | undefined> => {
  const context = new Context({ env, stateDir: stateDirIn(words), isJson: false })
  const signal = AbortSignal.timeout(askMs)
  return context.ask((client) => client.vocabulary({ signal })).catch(() => undefined)
}

const answerOf = async (words: string[], env: NodeJS.ProcessEnv): Promise<Answer> => {
  const first = words.slice(0, -1).find((word) => verbs.includes(word))
  const commands = first === undefined ? [] : await commandsFor([first])
  const question = questionOf(verbs, commands, words)
  if (question.is === 'words') return question
  const { command, placeholder } = question
  const withoutNode = valuesOf(command, placeholder, undefined)
  if (withoutNode.is !== 'words') return withoutNode
  return valuesOf(command, placeholder, await askNode(words, env))
}

/** Never fails: what goes wrong here would be printed into somebody's command line. */
const complete: Command = {
  command: '__complete',
  describe: 'Say what may come next on a command line, for the scripts of mesh-node completion.',
  isHidden: true,
  arguments: [{ name: '[line]', describe: 'the line up to the cursor, the name of the program included' }],
  examples: [{ command: "mesh-node __complete 'mesh-node find b'", describe: 'what fits, a word a line' }],
  handler: async (input, context) => {
    const words = splitLine(input.optionalArgument(0) ?? '').slice(1)
    const answer = await answerOf(words.length === 0 ? [''] : words, context.env).catch((): Answer => ({
      is: 'words',
      words: []
    }))
    const shown = answer.is === 'words' ? matching(answer.words, words.at(-1) ?? '') : []
    process.stdout.write(`${[answer.is, ...shown].join('\n')}\n`)
  }
}

const print: Command = {
  command: 'completion',
  describe: 'Print what makes a shell complete verbs, options, and the names that the node knows at that moment.',
  arguments: [{ name: '<shell>', describe: 'bash, zsh or fish' }],
  examples: [
    { command: 'source <(mesh-node completion bash)', describe: 'for this shell; in ~/.bashrc, for all to come' },
    {
      command: 'mesh-node completion zsh > "${fpath[1]}/_mesh-node"',
      describe: 'for zsh, from the next one on'
    },
    {
      command: 'mesh-node completion fish > ~/.config/fish/completions/mesh-node.fish',
      describe: 'for fish'
    }
  ],
  handler: async (input, context) => {
    const shell = input.argument(0)
    if (!isShell(shell))
      throw new MeshError(
        'USAGE',
        `There is no completion for "${shell.slice(0, 64)}"; there is for bash, zsh and fish.`,
        {
          hint: 'mesh-node completion bash'
        }
      )
    context.print({ shell, script: scripts[shell] }, () => [scripts[shell].trimEnd()])
  }
}

export const completion: Command[] = [print, complete]
