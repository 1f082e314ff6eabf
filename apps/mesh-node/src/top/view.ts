import { styleText } from 'node:util'
import { printable } from '@agent-mesh/wire/quote'
import { formatLoss } from '../member-text.ts'
import { formatAge, formatBytes, formatMs } from '../text.ts'
import { memberRows, nodeRates, type MemberRow, type Snapshot, type SortKey } from './rows.ts'

export interface ViewOptions {
  sort: SortKey
  /** Cells of a line; undefined where lines may have any length. */
  columns?: number
  /** Lines in all; undefined where there is no end. */
  lines?: number
  isColoured: boolean
}

type Style = Parameters<typeof styleText>[0]

const colours: Record<string, Style> = {
  alive: 'green',
  connected: 'green',
  suspect: 'yellow',
  left: 'dim',
  known: 'dim',
  unreachable: 'red',
  dead: 'red'
}

const cellLength = 80

const perSecond = (bytes: number | undefined): string =>
  bytes === undefined ? '-' : `${formatBytes(Math.round(bytes))}/s`

const headings = ['NAME', 'STATE', 'FOR', 'PATH', 'RTT', 'LOSS', 'TUNNELS', 'IN', 'OUT', 'LAG', 'WHY']

const cellsOf = (row: MemberRow, nowMs: number): string[] => [
  row.name,
  row.state,
  formatAge(nowMs - row.sinceMs),
  row.path ?? '-',
  row.rttMs === undefined ? '-' : formatMs(row.rttMs),
  formatLoss(row),
  String(row.tunnels),
  perSecond(row.inPerSecond),
  perSecond(row.outPerSecond),
  row.eventLoopLagMs === undefined ? '-' : formatMs(row.eventLoopLagMs),
  row.reason
]

const counted = (rows: MemberRow[]): string => {
  const counts = Map.groupBy(rows, ({ state }) => state)
  const parts = [...counts].map(([state, those]) => `${those.length} ${printable(state, cellLength)}`)
  return parts.length === 0 ? 'no other member' : parts.join(', ')
}

/** What stands above the table: this node itself. */
const header = (now: Snapshot, before: Snapshot | undefined, rows: MemberRow[]): string[] => {
  const { network, tunnels, startedMs, version, warnings } = now.status
  const { inPerSecond, outPerSecond } = nodeRates(now, before)
  const warned = warnings.map(({ code }) => code).join(', ')
  return [
    `${network.name} ${network.peerId} in ${network.network}, version ${version}, up for ${formatAge(now.atMs - startedMs)}`,
    `members: ${counted(rows)}`,
    `tunnels: ${tunnels.open} open, ${tunnels.total} in all, ${perSecond(inPerSecond)} in, ${perSecond(outPerSecond)} out`,
    ...(warned === '' ? [] : [`warnings: ${warned}; mesh-node status`])
  ].map((line) => printable(line, 1_000))
}

const cut = (line: string, columns: number | undefined): string =>
  columns === undefined || line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`

/** Lines of text from outside are made printable, and every cell has its bound. The lines of the whole view, in order. */
export const renderTop = (now: Snapshot, before: Snapshot | undefined, options: ViewOptions): string[] => {
  const { columns, isColoured } = options
  const rows = memberRows(now, before, options.sort)
  const above = header(now, before, rows)
  const room = options.lines === undefined ? rows.length : Math.max(0, options.lines - above.length - 3)
  const shown = rows.length > room ? rows.slice(0, Math.max(0, room - 1)) : rows
  const cells = [headings, ...shown.map((row) => cellsOf(row, now.atMs).map((cell) => printable(cell, cellLength)))]
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const style = (format: Style, text: string): string =>
    isColoured ? styleText(format, text, { validateStream: false }) : text
  const lines = cells.map((row, index) => {
    const line = cut(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
      columns
    )
    if (index === 0) return style('bold', line)
    const colour = colours[row[1] ?? '']
    const from = (widths[0] ?? 0) + 2
    const to = from + (row[1]?.length ?? 0)
    return colour === undefined ? line : `${line.slice(0, from)}${style(colour, line.slice(from, to))}${line.slice(to)}`
  })
  const left = rows.length - shown.length
  return [
    ...above.map((line) => cut(line, columns)),
    '',
    ...(rows.length === 0 ? [] : lines),
    ...(left > 0 ? [cut(`… and ${left} more`, columns)] : [])
  ]
}

/** The same for a program. */
export const topDocument = (now: Snapshot, before: Snapshot | undefined, sort: SortKey): unknown => {
  const { network, tunnels, version, startedMs, warnings } = now.status
  return {
    atMs: now.atMs,
    node: {
      name: network.name,
      peerId: network.peerId,
      network: network.network,
      version,
      startedMs,
      tunnels,
      ...nodeRates(now, before),
      warnings: warnings.map(({ code }) => code)
    },
    members: memberRows(now, before, sort)
  }
}
