/**
 * Writes the pages of `docs/reference` that are made from code. Needs built code.
 *
 *   npm run docs
 *   npm run docs -- --check     writes nothing, and fails where a page is not what the code says
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { renderPages } from './docs/pages.ts'

const folder = new URL('../docs/reference/', import.meta.url)
const isCheck = process.argv.includes('--check')

for (const [name, page] of await renderPages()) {
  const file = fileURLToPath(new URL(name, folder))
  const found = await readFile(file, 'utf8').catch(() => '')
  if (found === page) continue
  if (isCheck) {
    process.stderr.write(`${file} is not what the code says; npm run docs writes it.\n`)
    process.exitCode = 1
  } else {
    await writeFile(file, page)
    process.stdout.write(`${file} written\n`)
  }
}
