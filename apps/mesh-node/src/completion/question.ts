import { commonOptions, type Command, type OptionDefinition } from '../command.ts'

/** What belongs where the cursor is. */
export type Question =
  /** One of these words. */
  | { is: 'words'; words: string[] }
  /** Whatever a placeholder such as `<target>` of a verb stands for. */
  | { is: 'value'; command: string; placeholder: string }

const nothing: Question = { is: 'words', words: [] }

/** `-c, --count <number>` has two words and a placeholder. */
const partsOf = ({ flags }: OptionDefinition): { words: string[]; placeholder?: string } => {
  const placeholder = /<[^>]+>/.exec(flags)?.[0]
  const words = flags.replace(/ ?<.*$/, '').split(/, */)
  return placeholder === undefined ? { words } : { words, placeholder }
}

const optionNamed = (options: OptionDefinition[], word: string): OptionDefinition | undefined =>
  options.find((one) => partsOf(one).words.includes(word))

const flagsOf = (options: OptionDefinition[]): Question => ({
  is: 'words',
  words: options.flatMap((one) => partsOf(one).words.filter((word) => word.startsWith('--')))
})

/** The words that are arguments, without options and their values. */
const argumentsIn = (words: string[], options: OptionDefinition[]): string[] => {
  const found: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    if (!word.startsWith('-')) found.push(word)
    else if (partsOf(optionNamed(options, word) ?? { flags: '', describe: '' }).placeholder !== undefined) index++
  }
  return found
}

/** The command that the first words name, with how many of them it took; groups are as deep as they are. */
const commandOf = (commands: readonly Command[], words: string[]): { command: Command; depth: number } | undefined =>
  commands
    .map((command) => ({ command, depth: command.command.split(' ').length }))
    .find(({ command, depth }) => words.slice(0, depth).join(' ') === command.command)

/**
 * Says what belongs where the cursor is.
 * @param verbs - every first word of a command
 * @param commands - those of the first word that was typed
 * @param words - after `mesh-node`; the last one is being typed
 */
export const questionOf = (verbs: string[], commands: readonly Command[], words: string[]): Question => {
  const before = words.slice(0, -1)
  const typing = words.at(-1) ?? ''
  const typed = argumentsIn(before, commonOptions)
  const [verb] = typed
  const valueOf = (options: OptionDefinition[], command: string): Question | undefined => {
    const option = optionNamed(options, before.at(-1) ?? '')
    const placeholder = option === undefined ? undefined : partsOf(option).placeholder
    return placeholder === undefined
      ? undefined
      : { is: 'value', command, placeholder: `${before.at(-1)} ${placeholder}` }
  }
  if (verb === undefined)
    return (
      valueOf(commonOptions, '') ?? (typing.startsWith('-') ? flagsOf(commonOptions) : { is: 'words', words: verbs })
    )
  const found = commandOf(commands, typed)
  if (found === undefined) {
    const inGroup = commands
      .map(({ command }) => command.split(' '))
      .filter((parts) => parts.length > typed.length && typed.every((word, index) => parts[index] === word))
    return { is: 'words', words: [...new Set(inGroup.map((parts) => parts[typed.length] ?? ''))] }
  }
  const { command, depth } = found
  const options = [...(command.options ?? []), ...commonOptions]
  const value = valueOf(options, command.command)
  if (value !== undefined) return value
  if (typing.startsWith('-')) return flagsOf(options)
  const argument = command.arguments?.[argumentsIn(before, options).length - depth]
  return argument === undefined ? nothing : { is: 'value', command: command.command, placeholder: argument.name }
}
