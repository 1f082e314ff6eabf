import { summarise } from './summary.ts'
import { figure } from './table.ts'
import type { Stored } from './store.ts'

const begin = '<!-- bench: written by npm run bench -- --draw -->'
const end = '<!-- /bench -->'

const headings = ['workload', '', 'mesh', 'plain TCP', '`ssh -L`', 'of plain TCP', 'of `ssh -L`']

const times = (ratio: number | undefined): string => (ratio === undefined ? '-' : `×${ratio.toFixed(2)}`)

const rowsOf = ({ comparison }: Stored): string[][] => {
  const { rows } = summarise(comparison)
  const [mesh, direct, ssh] = ['mesh', 'direct', 'ssh'].map((name) => rows.find(({ contender }) => contender === name))
  if (mesh === undefined) return []
  return Object.entries(comparison.metrics).map(([name, { unit }]) => [
    comparison.workload,
    name,
    figure(mesh.medians[name], unit),
    figure(direct?.medians[name], unit),
    figure(ssh?.medians[name], unit),
    times(mesh.ofDirect[name]),
    times(mesh.ofSsh[name])
  ])
}

const markdownTable = (rows: readonly string[][]): string[] => {
  const widths = headings.map((heading, at) => Math.max(3, heading.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

/** The oldest of the runs and their machines, for whoever judges the figures. */
const whereLine = (stored: readonly Stored[]): string => {
  const days = stored.map(({ measuredAt }) => measuredAt.slice(0, 10)).toSorted()
  const machines = stored.map(({ machine, place }) => `${machine.cores} cores, ${place}, Node ${machine.node}`)
  return `Medians, measured from ${days[0] ?? '?'} to ${days.at(-1) ?? '?'} on ${[...new Set(machines)].join('; ')}.`
}

/** Table and charts of what is stored, as markdown. Pure. */
export const benchSection = (stored: readonly Stored[]): string[] => [
  whereLine(stored),
  '',
  ...markdownTable(stored.flatMap(rowsOf)),
  '',
  ...stored.map(({ comparison: { workload, describe } }) => `![${workload}: ${describe}](docs/charts/${workload}.svg)`)
]

/** A page with its section of the bench replaced. Pure. @throws Error for a page that has no such section */
export const withSection = (page: string, lines: readonly string[]): string => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md has no ${begin} … ${end}.`)
  return `${page.slice(0, from)}${[begin, '', ...lines, '', end].join('\n')}${page.slice(to + end.length)}`
}
