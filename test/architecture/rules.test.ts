import { describe, expect, test } from 'vitest'
import { checkFile, mostLines } from './file-rules.ts'
import { checkImports, type WorkspacePackage } from './import-rules.ts'
import { parseSource } from './source-file.ts'

const packageIn = (folder: string, dependencies: string[] = [], devDependencies: string[] = []): WorkspacePackage => ({
  name: `@agent-mesh/${folder.split('/').at(-1) ?? ''}`,
  folder,
  dependencies,
  devDependencies
})

const check = (folder: string, text: string, file = 'src/sample.ts', more: string[] = []): string[] => {
  const source = parseSource(`${folder}/${file}`, text)
  // Everything that is imported is declared, so that only the rule in question can speak.
  const names = source.imports.map(({ specifier }) =>
    specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/')
  )
  return checkImports(source, packageIn(folder, [...names, ...more])).map(
    ({ where, what, reason }) => `${where} ${what}: ${reason}`
  )
}

describe('who may import whom', () => {
  test.each([
    [
      'packages/control-plane',
      `import { openTunnel } from '@agent-mesh/data-plane'`,
      'without touching a running stream'
    ],
    [
      'packages/data-plane',
      `import type { Discovery } from '@agent-mesh/control-plane'`,
      'interfaces that node fills in'
    ],
    ['packages/connection-encrypter-tls', `import { limits } from '@agent-mesh/wire'`, 'knows nothing of the mesh'],
    ['packages/identity', `export * from '@agent-mesh/node'`, 'without a network'],
    ['packages/wire', `export { loadKey } from '@agent-mesh/identity'`, 'stands on nothing'],
    ['packages/client', `import { startNode } from '@agent-mesh/node'`, 'must not load a node'],
    ['packages/client', `import type { PeerId } from '@libp2p/interface'`, 'behind our own packages'],
    ['packages/node', `import { Client } from '@agent-mesh/client'`, 'who calls its local API'],
    ['packages/node', `const kit = await import('@agent-mesh/testkit')`, 'who calls its local API'],
    ['apps/mesh-node', `import { find } from '@agent-mesh/control-plane'`, 'lives in the packages'],
    ['packages/wire', `import type { Stream } from '@libp2p/interface'`, 'wire is pure'],
    ['packages/wire', `import { createServer } from 'node:net'`, 'wire is pure'],
    ['packages/wire', `import { readFile } from 'node:fs/promises'`, 'wire is pure'],
    ['packages/data-plane', `import { kadDHT } from '@libp2p/kad-dht'`, 'when that is hung'],
    ['packages/data-plane', `import { gossipsub } from '@libp2p/gossipsub'`, 'when that is hung'],
    ['packages/data-plane', `import { createLibp2p } from 'libp2p'`, 'only node and testkit'],
    ['packages/control-plane', `type Host = import('libp2p').Libp2p`, 'only node and testkit'],
    ['apps/mesh-node', `import { peerIdFromString } from '@libp2p/peer-id'`, 'behind our own packages'],
    ['packages/unheard-of', `import { limits } from '@agent-mesh/wire'`, 'no row in the table']
  ])('%s may not: %s', (folder, text, reason) => {
    const found = check(folder, text)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(new RegExp(`^${folder}/src/sample\\.ts:1 imports .*(?:${reason})`))
  })

  test.each([
    ['packages/node', `import { createLibp2p } from 'libp2p'\nimport { x } from '@agent-mesh/data-plane'`],
    ['packages/testkit', `import { createLibp2p } from 'libp2p'`],
    ['apps/mesh-node', `import { Client } from '@agent-mesh/client'\nimport { startNode } from '@agent-mesh/node'`],
    ['packages/wire', `// import { createServer } from 'node:net'\nconst text = "import 'libp2p'"\nexport { text }`],
    ['packages/data-plane', `import { connect } from 'node:net'\nimport type { Stream } from '@libp2p/interface'`]
  ])('%s may: %s', (folder, text) => {
    expect(check(folder, text)).toEqual([])
  })

  test('a relative import that leaves its package is found, one that stays inside is not', () => {
    expect(check('packages/node', `import { a } from '../../wire/src/limits.ts'`)).toEqual([
      expect.stringMatching(
        /^packages\/node\/src\/sample\.ts:1 reaches packages\/wire\/src\/limits\.ts by a relative path: /
      )
    ])
    expect(check('packages/node', `import { a } from './state/lock.ts'\nimport { b } from '../package.json'`)).toEqual(
      []
    )
  })

  test('all of an example is source, and has the documented entries alone', () => {
    expect(check('examples', `import { startAgent } from '@agent-mesh/node'`, 'http/main.ts')).toEqual([])
    expect(check('examples', `import { limits } from '@agent-mesh/wire'`, 'http/main.ts')).toEqual([
      expect.stringContaining('the documented entries and nothing else')
    ])
  })

  test('testkit is free to tests, and closed to sources', () => {
    expect(check('packages/wire', `import { seed } from '@agent-mesh/testkit'`, 'test/a.test.ts')).toEqual([])
    expect(check('packages/wire', `import { seed } from '@agent-mesh/testkit'`)).toHaveLength(1)
    expect(check('apps/bench', `import { seed } from '@agent-mesh/testkit'`)).toHaveLength(1)
  })

  test('an import that cannot be read is refused', () => {
    const source = parseSource('packages/node/src/a.ts', `const name = 'x'\nexport const y = import(name)`)
    expect(checkImports(source, packageIn('packages/node'))).toHaveLength(1)
  })

  test('what is not declared is found, and what is declared for tests only', () => {
    const source = parseSource(
      'packages/node/src/a.ts',
      `import { z } from 'zod'\nimport { fc } from 'fast-check'\nimport fs from 'fs'`
    )
    const found = checkImports(source, packageIn('packages/node', [], ['fast-check'])).map(
      ({ where, what }) => `${where} ${what}`
    )
    expect(found).toEqual([
      'packages/node/src/a.ts:1 imports zod, which its package.json does not declare',
      'packages/node/src/a.ts:2 imports fast-check, which is a devDependency only',
      'packages/node/src/a.ts:3 names the builtin fs without node:'
    ])
  })
})

const checkOne = (path: string, text: string): string[] =>
  checkFile(parseSource(path, text), (name) => name.endsWith('.config.ts')).map(({ where, what }) => `${where} ${what}`)

describe('one file by itself', () => {
  test('default exports are found in each form', () => {
    expect(checkOne('packages/wire/src/a.ts', 'export default 1')).toEqual([
      'packages/wire/src/a.ts:1 has a default export'
    ])
    expect(checkOne('packages/wire/src/a.ts', 'const a = 1\nexport { a as default }')).toEqual([
      'packages/wire/src/a.ts:2 has a default export'
    ])
    expect(checkOne('packages/wire/src/a.ts', `export { default } from './b.ts'`)).toHaveLength(1)
    expect(checkOne('vitest.config.ts', 'export default 1')).toEqual([])
  })

  test('process.exit is for apps, and for programs that a test starts', () => {
    expect(checkOne('packages/node/test/a.ts', 'process.exit(1)')).toEqual([])
    expect(checkOne('packages/node/src/a.ts', 'export const f = () => {\n  process.exit(1)\n}')).toEqual([
      'packages/node/src/a.ts:2 ends the process'
    ])
    expect(checkOne('apps/mesh-node/src/a.ts', 'process.exit(1)')).toEqual([])
    expect(checkOne('packages/node/src/a.ts', '// process.exit(1)\nprocess.exitCode = 1')).toEqual([])
  })

  test('names that say nothing and names in another case are found', () => {
    expect(checkOne('packages/node/src/utils.ts', '')).toHaveLength(1)
    expect(checkOne('packages/node/src/helpers/a.ts', '')).toHaveLength(1)
    expect(checkOne('packages/node/src/peer-manager.ts', '')).toHaveLength(1)
    expect(checkOne('packages/node/src/peerStore.ts', '')).toHaveLength(1)
    expect(checkOne('packages/node/src/peer-store.test.ts', '')).toEqual([])
  })

  test(`${mostLines} lines pass, one more does not, and generated code is free`, () => {
    expect(checkOne('packages/node/src/a.ts', '//\n'.repeat(mostLines))).toEqual([])
    expect(checkOne('packages/node/src/a.ts', '//\n'.repeat(mostLines + 1))).toHaveLength(1)
    expect(checkOne('packages/wire/src/generated/a.ts', '//\n'.repeat(mostLines + 1))).toEqual([])
  })
})
