import { expect, test } from 'vitest'
import { checkFile } from './file-rules.ts'
import { parseFolder } from './workspace.ts'

const folders = ['packages', 'apps', 'test', 'scripts', 'examples']

test.each(folders)('%s: every file is one noun of readable size with named exports', (folder) => {
  const violations = parseFolder(folder).flatMap((file) => checkFile(file, (name) => name.endsWith('.config.ts')))
  expect(violations.map(({ where, what, reason }) => `${where} ${what}: ${reason}`)).toEqual([])
})
