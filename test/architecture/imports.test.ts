import { expect, test } from 'vitest'
import { checkImports, layers, type Violation } from './import-rules.ts'
import { listPackages, parseFolder } from './workspace.ts'

const show = (violations: Violation[]): string[] =>
  violations.map(({ where, what, reason }) => `${where} ${what}: ${reason}`)

test.each(listPackages())('$folder imports only what its layer may', (home) => {
  const files = parseFolder(home.folder)
  expect(files.length).toBeGreaterThan(0)
  expect(show(files.flatMap((file) => checkImports(file, home)))).toEqual([])
})

test('every package and app has a row in the table of layers, and every row a package', () => {
  expect(
    listPackages()
      .map(({ folder }) => folder)
      .toSorted()
  ).toEqual(Object.keys(layers).toSorted())
})
