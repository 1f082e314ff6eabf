import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findMachinePaths } from './machine-paths.ts'
import { listFiles, rootDir } from './workspace.ts'

/** `/app` and the like are too short to be told from the path of a URL. */
const isTelling = (path: string): boolean => path.split('/').length > 2

test('no text file names a path of the machine that it was written on', () => {
  const here = [rootDir, homedir()].filter(isTelling)
  const found = listFiles('').flatMap((path) => {
    const content = readFileSync(join(rootDir, path))
    if (content.includes(0)) return []
    return findMachinePaths(content.toString('utf8'), here).map(({ line, text }) => `${path}:${line} ${text}`)
  })
  expect(found).toEqual([])
})

test('such paths are found, and paths that every system has are not', () => {
  const planted = [
    ['', 'home', 'ada', 'mesh'],
    ['', 'Users', 'ada'],
    ['', 'root', '.ssh'],
    ['', 'work', 'main']
  ].map((parts) => parts.join('/'))
  for (const path of planted) expect(findMachinePaths(`open('${path}')`)).toHaveLength(1)
  expect(findMachinePaths(['C:', 'Users', 'ada'].join('\\'))).toHaveLength(1)
  expect(findMachinePaths('cd /srv/checkout/mesh', ['/srv/checkout'])).toHaveLength(1)
  for (const path of [
    '/usr/bin/env',
    '/etc/mesh-node/taxonomy.txt',
    'https://example.org/home/x',
    './work/x',
    '~/work/x',
    '/run/x.sock'
  ]) {
    expect(findMachinePaths(path)).toEqual([])
  }
})
