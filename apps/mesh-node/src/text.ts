import { printable } from '@agent-mesh/wire/quote'

/** Longest cell of a table: peer ids and addresses fit, a peer's prose does not. */
const cellLength = 160

/** Lines with their columns aligned. Every cell is printed as text from outside; an empty table has no lines. */
export const table = (headings: string[], rows: string[][]): string[] => {
  if (rows.length === 0) return []
  const cells = [headings, ...rows].map((row) => row.map((cell) => printable(cell, cellLength)))
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  )
}

/** Name and value under each other; a value of several lines goes on below itself. */
export const fields = (rows: Array<[string, string | string[]]>): string[] => {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.flatMap(([name, value]) => {
    const lines = typeof value === 'string' ? [value] : value
    return lines.map((line, index) => `${(index === 0 ? name : '').padEnd(width)}  ${printable(line, 1_000)}`)
  })
}

/** `2.5 MB`, in powers of 1000. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power] ?? ''}`
}

/** `3 d 4 h`, `12 m 5 s`, `0 s`: two units are enough for people. */
export const formatAge = (ms: number): string => {
  const parts: Array<[string, number]> = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000]
  ]
  let rest = Math.max(0, ms)
  const counted = parts.map(([unit, size]): [number, string] => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return [count, unit]
  })
  const first = counted.findIndex(([count]) => count > 0)
  const shown = first === -1 ? counted.slice(-1) : counted.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

export const formatMs = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : 1)} ms`

/** `2026-11-22 16:02:04`, in UTC. */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** A word of a shell command line, quoted where the shell would not take it as it is. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Lines under a title that a shell takes for a comment; nothing where there are none. */
export const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', `# ${title}`, ...lines]
