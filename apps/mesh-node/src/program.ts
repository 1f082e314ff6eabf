import { Command as Parser, CommanderError, Option } from 'commander'
import { MeshError } from '@agent-mesh/wire/errors'
import { commonOptions, type Command, type OptionDefinition } from './command.ts'
import { Context } from './context.ts'
import { Input } from './input.ts'
import { withLocalHint } from './local-hint.ts'

const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value]

const toOption = ({ flags, describe, isRepeatable = false }: OptionDefinition): Option => {
  const option = new Option(flags, isRepeatable ? `${describe} (repeatable)` : describe)
  return isRepeatable ? option.argParser(collect) : option
}

const examplesText = ({ examples }: Command): string =>
  ['', 'Examples:', ...examples.flatMap(({ command, describe }) => [`  # ${describe}`, `  ${command}`])].join('\n')

const addCommand = (parent: Parser, command: Command, name: string): void => {
  const parser = parent.command(name, { hidden: command.isHidden ?? false }).description(command.describe)
  for (const { name: argument, describe } of command.arguments ?? []) parser.argument(argument, describe)
  for (const option of [...(command.options ?? []), ...commonOptions]) parser.addOption(toOption(option))
  parser.addHelpText('after', examplesText(command))
  parser.action(async (...given: unknown[]) => {
    const options = parser.optsWithGlobals<Record<string, unknown>>()
    const input = new Input(
      given.slice(0, -2).map((one) => (typeof one === 'string' ? one : undefined)),
      options
    )
    const context = new Context({ env: process.env, stateDir: input.text('stateDir'), isJson: input.has('json') })
    try {
      await command.handler(input, context)
    } catch (err) {
      throw withLocalHint(err, context)
    }
  })
}

const groupDescriptions: Record<string, string> = {
  network: 'Make, show or leave the network of this node.',
  policy: 'Say who may do what in the network.',
  audit: 'Read who was let in, who opened what, and who was denied.',
  'network root': 'Back up the root key, put it back, or take it off this node.',
  cert: 'Request, sign, import, show or renew certificates.'
}

/** The parser of the whole command line, or of the part whose commands are given. */
const buildParser = (commands: readonly Command[]): Parser => {
  const program = new Parser('mesh-node')
    .description(
      'Runs beside an AI agent: a permanent address, discovery by capability, tunnels for unmodified programs.'
    )
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nmesh-node <command> --help has examples. Exit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 unreachable, 5 timeout.'
    )
  for (const option of commonOptions) program.addOption(toOption(option))
  const groups = new Map<string, Parser>()
  for (const command of commands) {
    const words = command.command.split(' ')
    let parent = program
    for (const [index, word] of words.slice(0, -1).entries()) {
      const path = words.slice(0, index + 1).join(' ')
      const group = groups.get(path) ?? parent.command(word).description(groupDescriptions[path] ?? '')
      groups.set(path, group)
      parent = group
    }
    addCommand(parent, command, words.at(-1) ?? '')
  }
  return program
}

/** What the parser says, as an error of ours; undefined where it has done what was asked for, as with `--help`. */
const toUsage = (err: CommanderError, words: string[]): MeshError | undefined => {
  if (err.exitCode === 0) return undefined
  const command = words
    .filter((word) => !word.startsWith('-'))
    .slice(0, 1)
    .join(' ')
  const isUnknown = err.code === 'commander.unknownCommand' || err.code === 'commander.help'
  const [first = '', second] = err.message.replace(/^error: /, '').split('\n')
  const what = err.code === 'commander.help' ? 'A command is missing.' : sentence(first)
  const suggestion = second === undefined ? '' : ` ${second.replaceAll(/[()]/g, '')}`
  return new MeshError('USAGE', `${what}${suggestion}`, {
    hint: isUnknown || command === '' ? 'mesh-node --help' : `mesh-node ${command} --help`
  })
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`

/**
 * Runs a command line.
 * @throws MeshError USAGE with a suggestion, and what the handler throws
 */
export const runCommandLine = async (commands: readonly Command[], words: string[]): Promise<void> => {
  try {
    await buildParser(commands).parseAsync(words, { from: 'user' })
  } catch (err) {
    if (!(err instanceof CommanderError)) throw err
    const error = toUsage(err, words)
    if (error !== undefined) throw error
  }
}
