/** Contenders of the bench that are libraries: each carries what it is measured by. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { rootDir } from '../e2e/harness/command.ts'
import { whyNoGo } from './harness/go.ts'

const run = promisify(execFile)
const bench = join(rootDir, 'apps/bench/src/main.ts')

const noGo = await whyNoGo()
const others = [
  { name: 'go-libp2p', reason: noGo },
  { name: 'hyperdht', reason: undefined }
]

describe.each(others)('$name', ({ name, reason }) => {
  const test = it.skipIf(reason !== undefined)
  const why = reason === undefined ? '' : ` [${reason}]`

  test(`answers requests, and opens tunnels by the dozen${why}`, async () => {
    const args = ['requests', 'short-tunnels', '--contenders', `direct,${name}`, '--rounds', '1', '--seconds', '1']
    const { stdout } = await run(process.execPath, [bench, ...args, '--json'])
    const { comparisons } = JSON.parse(stdout)
    expect(comparisons).toHaveLength(2)
    for (const { skipped, samples } of comparisons) {
      expect(skipped).toEqual({})
      expect(samples[name]).toHaveLength(1)
    }
  })
})
