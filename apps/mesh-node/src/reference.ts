import { commonOptions, type Command, type OptionDefinition } from './command.ts'
import { markdownTable } from './markdown.ts'

const optionRow = ({ flags, describe, isRepeatable = false }: OptionDefinition): string[] => [
  `\`${flags}\``,
  `${describe}${isRepeatable ? ' (repeatable)' : ''}`
]

const usageOf = ({ command, arguments: given = [], options = [] }: Command): string =>
  ['mesh-node', command, ...given.map(({ name }) => name), ...(options.length === 0 ? [] : ['[options]'])].join(' ')

const section = (command: Command): string[] => {
  const { arguments: given = [], options = [], examples } = command
  const rows = [...given.map(({ name, describe }) => [`\`${name}\``, describe]), ...options.map(optionRow)]
  return [
    `## ${command.command}`,
    '',
    command.describe,
    '',
    '```',
    usageOf(command),
    '```',
    '',
    ...(rows.length === 0 ? [] : [...markdownTable(['Argument', 'Meaning'], rows), '']),
    '```sh',
    ...examples.flatMap(({ command: line, describe }) => [`# ${describe}`, line]),
    '```',
    ''
  ]
}

/** `docs/reference/commands.md`, from the commands themselves. */
export const renderCommandReference = (commands: readonly Command[]): string =>
  [
    '# Commands',
    '',
    'Written by `npm run docs` from the commands themselves; a test compares both.',
    '',
    'Every command takes:',
    '',
    ...markdownTable(
      ['Option', 'Meaning'],
      [...commonOptions.map(optionRow), ['`-h, --help`', 'show what the command takes, with examples']]
    ),
    '',
    'Exit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 unreachable, 5 timeout. Under `--json` stdout is one JSON document',
    '(`up` prints one line when the node is usable and one when it has stopped), and an error is one line on stderr:',
    '`{"error":{"code","layer","message","hint","details"}}`, with the codes of [errors.md](errors.md).',
    '',
    ...commands.filter(({ isHidden }) => isHidden !== true).flatMap(section)
  ].join('\n')
