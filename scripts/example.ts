/**
 * Runs one of the examples:
 *
 *   npm run example             lists them
 *   npm run example -- http     runs examples/http/main.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../examples')
const mainOf = (name: string): string => join(folder, name, 'main.ts')

/** The first sentence of the first comment. */
const summaryOf = async (name: string): Promise<string> => {
  const [, comment = ''] = /\/\*\*(.*?)\*\//s.exec(await readFile(mainOf(name), 'utf8')) ?? []
  const text = comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim()
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0] ?? text
}

const [wanted] = process.argv.slice(2)
const known = (await readdir(folder)).filter((name) => existsSync(mainOf(name))).toSorted()
if (wanted === undefined) {
  for (const name of known) console.log(`${name.padEnd(10)} ${await summaryOf(name)}`)
} else if (known.includes(wanted)) {
  const [code] = await once(spawn(process.execPath, [mainOf(wanted)], { stdio: 'inherit' }), 'exit')
  process.exitCode = Number(code ?? 1)
} else {
  console.error(`No example is called ${wanted}. There are: ${known.join(', ')}.`)
  process.exitCode = 2
}
