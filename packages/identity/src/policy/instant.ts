const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/
const day = /^\d{4}-\d\d-\d\d$/

/** Days that a month has. */
const lengthOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate()

/**
 * Reads an instant of ISO 8601 that has a zone.
 * @returns milliseconds since 1970, or what is wrong with it
 */
export const readInstant = (text: string): { ms: number } | { wrong: string; suggestion: string } => {
  const suggestion = day.test(text) ? `did you mean ${text}T00:00:00Z?` : 'example: 2027-01-31T18:00:00Z'
  const parts = form.exec(text)
  if (parts === null) return { wrong: `"${text}" is no time with its zone`, suggestion }
  const [year = 0, month = 0, date = 0] = parts.slice(1).map(Number)
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || date > lengthOf(year, month)) {
    return { wrong: `"${text}" is on no calendar`, suggestion: 'example: 2027-01-31T18:00:00Z' }
  }
  return { ms }
}
