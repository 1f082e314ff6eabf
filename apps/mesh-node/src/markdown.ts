/** What a cell would end, or a reader would take for a tag; text in backticks is safe from the latter. */
const escape = (cell: string): string => {
  const text = cell.includes('`') ? cell : cell.replaceAll('<', '\\<')
  return text.replaceAll('|', '\\|')
}

/** A table whose columns are aligned in the source too, as formatters of Markdown leave it. */
export const markdownTable = (headings: string[], rows: string[][]): string[] => {
  const cells = [headings, ...rows].map((row) => row.map(escape))
  const widths = headings.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [first = [], ...rest] = cells
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)]
}
