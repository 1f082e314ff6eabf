import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'vitest'

/** Daemons live where the path of an ordinary user does not look. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** Path of an installed program, or undefined; `more` are folders to look into as well. */
export const findProgram = (name: string, ...more: string[]): string | undefined =>
  [...folders, ...more]
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

/** `test` where every program is installed; otherwise a skipped test whose name says what is missing. */
export const testWith = (...programs: string[]): ((name: string, run: () => Promise<void>) => void) => {
  const missing = programs.filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) return (name, run) => test(name, run)
  return (name) => {
    const reason = `${missing.join(', ')} is not installed`
    process.stderr.write(`skipped: ${name}: ${reason}\n`)
    test.skip(`${name} [${reason}]`)
  }
}
