import { MeshError } from '@agent-mesh/wire/errors'
import type { AuditEntry, AuditKind } from '@agent-mesh/wire/api'
import { auditFolder, followAudit, readAudit, type AuditFilter } from '@agent-mesh/node/audit'
import { parseDuration } from '@agent-mesh/node/units'
import type { Command, OptionDefinition } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { formatAge, formatBytes, formatTime, table } from '../text.ts'

const kinds = ['open', 'deny', 'close', 'admit', 'refuse', 'gone', 'revoke', 'policy'] as const satisfies AuditKind[]
const isKind = (text: string): text is AuditKind => kinds.some((kind) => kind === text)

const mostEntries = 100_000

const filterOptions: OptionDefinition[] = [
  { flags: '--peer <member>', describe: 'entries about one member, by name or peer id' },
  { flags: '--service <name>', describe: 'entries about one service of this node' },
  { flags: '--kind <kind>', describe: `one of ${kinds.join(', ')}` }
]

const usage = (message: string): MeshError => new MeshError('USAGE', message, { hint: 'mesh-node audit query --help' })

/** A moment: a duration before now, or ISO 8601. In milliseconds since 1970. */
const readMoment = (input: Input, name: string): number | undefined => {
  const text = input.text(name)
  if (text === undefined) return undefined
  const agoMs = parseDuration(text)
  const atMs = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs
  if (Number.isNaN(atMs))
    throw usage(`--${name} is a duration with its unit (1h) or a time (2026-11-22T16:00:00Z), not "${text}".`)
  return atMs
}

const readFilter = (input: Input): AuditFilter => {
  const [peer, service, kind] = [input.text('peer'), input.text('service'), input.text('kind')]
  if (kind !== undefined && !isKind(kind)) throw usage(`--kind is one of ${kinds.join(', ')}, not "${kind}".`)
  const [sinceMs, untilMs] = [readMoment(input, 'since'), readMoment(input, 'until')]
  return {
    ...(peer === undefined ? {} : { peer }),
    ...(service === undefined ? {} : { service }),
    ...(kind === undefined ? {} : { kind }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs })
  }
}

const detailsOf = (entry: AuditEntry): string => {
  const { code, rule, text, bytesIn, bytesOut, durationMs, count } = entry
  const moved =
    entry.kind === 'close' && bytesIn !== undefined && bytesOut !== undefined
      ? `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out, ${formatAge(durationMs ?? 0)}`
      : undefined
  const more = count === undefined ? undefined : `${count} times more`
  return [code, rule, text, moved, more].filter((part) => part !== undefined).join('; ')
}

const rowOf = (entry: AuditEntry): string[] => [
  formatTime(Date.parse(entry.time)),
  entry.kind,
  entry.name ?? entry.peer ?? '-',
  entry.service ?? '-',
  detailsOf(entry) || '-'
]

const headings = ['TIME', 'KIND', 'WHO', 'SERVICE', 'WHAT']

/** Entries that come one by one cannot know each other's widths. */
const lineOf = (entry: AuditEntry): string => table(['', '', '', '', ''], [rowOf(entry)])[1] ?? ''

const print = (context: Context, entries: AuditEntry[]): void => {
  context.print({ entries }, () =>
    entries.length === 0 ? ['The audit log of this node has no such entry.'] : table(headings, entries.map(rowOf))
  )
}

const follow = async (context: Context, filter: AuditFilter, last: number): Promise<void> => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  for await (const entry of followAudit(auditFolder(context.stateDirPath), filter, { signal: stop.signal, last }))
    context.print(entry, () => [lineOf(entry)])
}

const tail: Command = {
  command: 'audit tail',
  describe: 'Show the last entries of the audit log of this node, read from disk.',
  options: [
    { flags: '-n, --lines <number>', describe: 'how many, 20 by default' },
    { flags: '-f, --follow', describe: 'go on with those to come; under --json, one document a line' },
    ...filterOptions
  ],
  examples: [
    { command: 'mesh-node audit tail -f', describe: 'who comes and goes, who opens what' },
    { command: 'mesh-node audit tail -f --kind deny --json', describe: 'denials for a program' }
  ],
  handler: async (input, context) => {
    const filter = readFilter(input)
    const last = input.count('lines', 1, mostEntries) ?? 20
    if (input.has('follow')) await follow(context, filter, last)
    else print(context, await readAudit(auditFolder(context.stateDirPath), filter, last))
  }
}

const query: Command = {
  command: 'audit query',
  describe: 'Search the audit log of this node, read from disk; a node need not run.',
  options: [
    ...filterOptions,
    { flags: '--since <time>', describe: 'from then on: a duration before now (1h), or ISO 8601' },
    { flags: '--until <time>', describe: 'up to then' },
    { flags: '--limit <number>', describe: 'the last so many, 100 by default' }
  ],
  examples: [
    { command: 'mesh-node audit query --kind deny --since 1h', describe: 'who was denied in the last hour' },
    { command: 'mesh-node audit query --peer bob --service web --json', describe: 'what bob did with one service' }
  ],
  handler: async (input, context) => {
    const limit = input.count('limit', 1, mostEntries) ?? 100
    print(context, await readAudit(auditFolder(context.stateDirPath), readFilter(input), limit))
  }
}

export const audit: Command[] = [tail, query]
