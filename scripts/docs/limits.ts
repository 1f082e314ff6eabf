import { readFileSync } from 'node:fs'
import { markdownTable } from '../../apps/mesh-node/dist/markdown.js'
import { formatDuration } from '../../packages/node/dist/config/units.js'
import { limits } from '../../packages/wire/dist/limits.js'

const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${bytes / 1024 ** power} ${units[power] ?? ''}`
}

const formatLimit = (name: string, value: number): string => {
  if (name.endsWith('Bytes')) return formatBytes(value)
  return name.endsWith('Ms') ? formatDuration(value) : String(value)
}

/** The comments of the table: what a limit is for is said once, beside its number. */
const commentsOf = (source: string): Map<string, string> => {
  const found = source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*(\w+):/g)
  return new Map(
    [...found].map(([, comment = '', name = '']) => [name, comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim()])
  )
}

/** `docs/reference/limits.md`, from the table of limits. */
export const renderLimits = (): string => {
  const source = readFileSync(new URL('../../packages/wire/src/limits.ts', import.meta.url), 'utf8')
  const comments = commentsOf(source)
  const rows = Object.entries(limits).map(([name, value]) => [
    `\`${name}\``,
    formatLimit(name, value),
    comments.get(name) ?? ''
  ])
  return [
    '# Limits',
    '',
    'Written by `npm run docs` from `packages/wire/src/limits.ts`; a test compares both.',
    '',
    'Whatever another member, a stranger or a local program can make grow has a bound here, and a test at one past it.',
    'The error at a bound is `LIMIT_EXCEEDED`, unless [errors.md](errors.md) has a more exact one.',
    '',
    ...markdownTable(['Limit', 'Value', 'What for'], rows),
    ''
  ].join('\n')
}
