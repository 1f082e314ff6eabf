import { defineConfig } from 'vitest/config'

/**
 * Tests run from sources: the `source` condition of every package's `exports` points at `src`.
 * unit: pure cores · mem: real libp2p nodes in this process · e2e: real processes (built code)
 * architecture: import rules, docs against code · slow: whole forms of the bars, and what has `slow` in its name, run by
 * .ci/run · alone: what measures delays, and needs the machine for itself; some of it needs root, as `lab` does
 * lab: network namespaces with NATs and faults; needs root, otherwise says why it is skipped
 * interop: hosts that are not ours; go-libp2p is built from source where there is Go
 * guards: what has to hold under load, faults and attack, in a short form; `npm run guard` runs any of them whole
 */
const sources = {
  resolve: { conditions: ['source', 'node', 'import', 'default'] },
  ssr: {
    resolve: { conditions: ['source', 'node', 'import', 'default'], externalConditions: ['node', 'import', 'default'] }
  }
}

/** Their figures are worth nothing while something else runs. */
const alone = [
  'test/slow/flood.test.ts',
  'test/slow/stream-flood.test.ts',
  'test/slow/fifty-replicas.test.ts',
  'test/lab/scenarios.test.ts'
]

const project = (name: string, include: string[], timeoutMs: number, fileParallelism = true) => ({
  ...sources,
  test: {
    name,
    include,
    exclude: ['**/node_modules/**', ...(name === 'slow' || name === 'lab' ? alone : ['**/*.slow.test.ts'])],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    pool: 'forks' as const,
    fileParallelism,
    // CI shares its machine: what fails once is run once more, and the output says so. Nobody else gets a second try.
    retry: process.env['CI'] === undefined ? 0 : 1
  }
})

/** `.ci/run` counts tests from a report; people need none. */
const report = process.env['MESH_TEST_REPORT']

export default defineConfig({
  test: {
    // Every core: most of the time somebody waits for somebody else's process.
    maxWorkers: '100%',
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      project('unit', ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts'], 30_000),
      project('mem', ['test/mem/**/*.test.ts'], 120_000, false),
      project('e2e', ['test/e2e/**/*.test.ts'], 120_000),
      project('alone', alone, 600_000, false),
      project('guards', ['test/guards/**/*.test.ts'], 600_000, false),
      project('lab', ['test/lab/**/*.test.ts'], 120_000, false),
      project('interop', ['test/interop/**/*.test.ts'], 600_000, false),
      project('architecture', ['test/architecture/**/*.test.ts'], 30_000),
      project(
        'slow',
        ['test/slow/**/*.test.ts', 'test/e2e/**/*.slow.test.ts', 'packages/*/test/**/*.slow.test.ts'],
        600_000,
        false
      )
    ]
  }
})
