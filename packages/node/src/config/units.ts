const factors: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration with its unit: `500ms`, `10s`, `10m`, `24h`, `30d`.
 * @returns undefined where the text is no duration
 */
export const parseDuration = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  const factor = factors[match?.[2] ?? '']
  return match === null || factor === undefined ? undefined : Math.round(Number(match[1]) * factor)
}

const sizes: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/**
 * Bytes of a size with its unit: `64KiB`, `16MiB`, `1GiB`.
 * @returns undefined where the text is no size
 */
export const parseSize = (text: string): number | undefined => {
  const match = /^(\d{1,9}) ?(B|KiB|MiB|GiB)$/.exec(text.trim())
  const factor = sizes[match?.[2] ?? '']
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor
}

/** The shortest exact text of a duration. */
export const formatDuration = (ms: number): string => {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = factors[unit] ?? 1
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}
