const ending = '_total'

const base = (name: string): string => (name.endsWith(ending) ? name.slice(0, -ending.length) : name)

/** Names of the counters of a text, as they stand in it. */
const countersIn = (lines: string[]): Set<string> =>
  new Set(lines.flatMap((line) => /^# TYPE (\w+) counter$/.exec(line)?.[1] ?? []))

/**
 * The text format of Prometheus as that of OpenMetrics: a counter goes by its name without `_total` and its samples by the
 * name with it, there are no empty lines, and the end is marked. What prom-client writes itself renames the counters of the
 * registry for good, so that the other format could not be written from it any more.
 */
export const toOpenMetrics = (text: string): string => {
  const lines = text.split('\n').filter((line) => line !== '')
  const counters = countersIn(lines)
  const rewritten = lines.map((line) => {
    const [, comment = '', name = ''] = /^(# (?:HELP|TYPE) )?(\w+)/.exec(line) ?? []
    if (!counters.has(name)) return line
    const rest = line.slice(comment.length + name.length)
    return comment === '' ? `${base(name)}${ending}${rest}` : `${comment}${base(name)}${rest}`
  })
  return `${rewritten.join('\n')}\n# EOF\n`
}
