import { summarise, type Comparison } from './summary.ts'
import { figure } from './table.ts'

const width = 720
const rowHeight = 22
const nameWidth = 130
const figureWidth = 190
const barWidth = width - nameWidth - figureWidth
const headHeight = 44
const groupGap = 26

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const textAt = (x: number, y: number, text: string, more = ''): string =>
  `<text x="${x}" y="${y}"${more}>${escape(text)}</text>`

/** Readable on a light page and on a dark one. */
const colourOf = (contender: string): string =>
  contender === 'mesh' ? '#2f81f7' : contender === 'direct' ? '#8c959f' : '#b08800'

const groupOf = (comparison: Comparison, metric: string, top: number): { svg: string[]; bottom: number } => {
  const { metrics, samples } = comparison
  const { rows } = summarise({ ...comparison, samples })
  const unit = metrics[metric]?.unit ?? 'times'
  const most = Math.max(...rows.map(({ medians }) => medians[metric] ?? 0))
  const svg = [textAt(0, top, metric, ' font-weight="bold"')]
  for (const [i, { contender, medians, ofDirect }] of rows.entries()) {
    const y = top + 8 + i * rowHeight
    const value = medians[metric] ?? 0
    const length = Math.max(1, Math.round((barWidth * value) / most))
    const ratio = ofDirect[metric] === undefined ? '' : ` (×${ofDirect[metric].toFixed(2)})`
    svg.push(
      textAt(0, y + 14, contender),
      `<rect x="${nameWidth}" y="${y + 3}" width="${length}" height="${rowHeight - 8}" fill="${colourOf(contender)}"/>`,
      textAt(nameWidth + length + 6, y + 14, `${figure(value, unit)}${ratio}`)
    )
  }
  return { svg, bottom: top + 8 + rows.length * rowHeight }
}

/** Bars of the medians, one group for each metric, each bar with its ratio to plain TCP. Pure. */
export const chart = (comparison: Comparison, note: string): string => {
  const body = [textAt(0, 18, comparison.describe, ' font-size="15"')]
  let y = headHeight
  for (const metric of Object.keys(comparison.metrics)) {
    const { svg, bottom } = groupOf(comparison, metric, y)
    body.push(...svg)
    y = bottom + groupGap
  }
  body.push(textAt(0, y, note, ' font-size="11"'))
  const style = 'font-family="system-ui, sans-serif" font-size="13" fill="#6e7781"'
  const size = `width="${width}" height="${y + 10}" viewBox="0 0 ${width} ${y + 10}"`
  return [`<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>`, ...body, '</svg>', ''].join('\n')
}
