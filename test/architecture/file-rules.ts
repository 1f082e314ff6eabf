import { basename } from 'node:path/posix'
import type { SourceFile } from './source-file.ts'
import type { Violation } from './import-rules.ts'

/** Beyond this a file holds a second noun. The aim is 300. */
export const mostLines = 400

const empty = /^(?:utils?|helpers?|misc|managers?|common|shared)$/
const kebab = /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/

const checkName = (path: string): Violation[] => {
  const parts = path.replace(/\.(?:test|spec|d)?\.?ts$/, '').split('/')
  return parts.flatMap((part): Violation[] => {
    const words = part.split(/[-.]/)
    if (words.some((word) => empty.test(word))) {
      return [
        { where: path, what: `is called ${part}`, reason: 'a name that fits everything says nothing: name the noun' }
      ]
    }
    return kebab.test(part)
      ? []
      : [{ where: path, what: `"${part}" is not kebab-case`, reason: 'one way to write names, on every file system' }]
  })
}

/** Rules for one file by itself. Files that tools read by their default export are named in `mayExportDefault`. */
export const checkFile = (file: SourceFile, mayExportDefault: (name: string) => boolean): Violation[] => {
  const { path, defaultExports, processExits, lineCount } = file
  const isGenerated = path.includes('/generated/')
  const found = isGenerated ? [] : checkName(path)
  if (!isGenerated && lineCount > mostLines) {
    found.push({
      where: path,
      what: `has ${lineCount} lines, at most ${mostLines} are allowed`,
      reason: 'a noun is missing'
    })
  }
  if (!mayExportDefault(basename(path))) {
    for (const line of defaultExports) {
      found.push({
        where: `${path}:${line}`,
        what: 'has a default export',
        reason: 'a thing has one name, and a search finds it everywhere'
      })
    }
  }
  if (/^packages\/[^/]+\/src\//.test(path)) {
    for (const line of processExits) {
      found.push({
        where: `${path}:${line}`,
        what: 'ends the process',
        reason: 'only an app may; a package returns or throws, so that what is open gets closed'
      })
    }
  }
  return found
}
