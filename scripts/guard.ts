/**
 * What has to hold under load, faults and attack, each by its name:
 *
 *   npm run guard                   lists them
 *   npm run guard -- crash          runs one in the short form, as every change does
 *   npm run guard -- crash --full   runs it whole
 *
 * Each is the file test/guards/<name>.test.ts, whose first comment says what has to hold. MESH_SEED repeats a run.
 */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'test/guards')
const ending = '.test.ts'

const listGuards = async (): Promise<string[]> =>
  (await readdir(folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .toSorted()

/** The first sentence of the first comment of a guard. */
const summaryOf = async (guard: string): Promise<string> => {
  const source = await readFile(join(folder, `${guard}${ending}`), 'utf8')
  const [, comment = ''] = /\/\*\*(.*?)\*\//s.exec(source) ?? []
  const text = comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim()
  return /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text
}

const run = async (guards: string[], isFull: boolean): Promise<number> => {
  const child = spawn(
    'vitest',
    ['run', '--project', 'guards', ...guards.map((guard) => `test/guards/${guard}${ending}`)],
    { cwd: root, stdio: 'inherit', env: { ...process.env, MESH_GUARD_FORM: isFull ? 'full' : 'short' } }
  )
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', reject)
  child.once('close', (code) => resolve(code ?? 1))
  return promise
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { full: { type: 'boolean' } } })
const known = await listGuards()
const unknown = positionals.filter((guard) => !known.includes(guard))
if (unknown.length > 0) {
  console.error(`No guard is called ${unknown.join(', ')}. There are: ${known.join(', ')}.`)
  process.exitCode = 2
} else if (positionals.length === 0) {
  for (const guard of known) console.log(`${guard.padEnd(14)} ${await summaryOf(guard)}`)
} else {
  process.exitCode = await run(positionals, values.full === true)
}
