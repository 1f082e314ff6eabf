import { auditEntry, type AuditEntry } from '@agent-mesh/wire/api'
import { inertJson } from '@agent-mesh/wire/quote'

/** What happened, before the log adds when and at which node. */
export type AuditEvent = Omit<AuditEntry, 'time' | 'node'>

/** Longest text of one field; names and rules come from outside. */
const textLength = 300

/**
 * One line of the log, with its line feed. Whatever a terminal would act on or hide is a JSON escape: text from outside
 * stays data wherever the line is shown, and a reader of JSON gets it back unchanged.
 */
export const formatEntry = (entry: AuditEntry): string => {
  const bounded = Object.fromEntries(
    Object.entries(entry)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === 'string' ? value.slice(0, textLength) : value])
  )
  return `${inertJson(JSON.stringify(bounded))}\n`
}

/** @returns undefined where the line is no entry: cut short by a crash, or of another version */
export const parseEntry = (line: string): AuditEntry | undefined => {
  try {
    return auditEntry.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
