import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { whyNoLab } from '@agent-mesh/testkit/lab'
import { rootDir } from '../e2e/harness/command.ts'
import { findProgram } from '../e2e/harness/program.ts'

const run = promisify(execFile)
const bench = join(rootDir, 'apps/bench/src/main.ts')

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const slowMs = 600_000
const programs = ['iperf3', 'ssh', 'sshd', 'ssh-keygen']

test.skipIf(reason !== undefined)(
  `the bench measures a way through a member that relays, or says what is not installed${why}`,
  { timeout: slowMs },
  async () => {
    const { stdout, stderr } = await run(process.execPath, [
      bench,
      'relay',
      '--rounds',
      '1',
      '--seconds',
      '1',
      '--json'
    ])
    const missing = programs.find((one) => findProgram(one) === undefined)
    const [comparison] = JSON.parse(stdout).comparisons
    if (missing === 'iperf3') {
      expect(stderr).toContain('relay is left out: iperf3 is not installed')
      return
    }
    expect(comparison.skipped).toEqual(missing === undefined ? {} : { ssh: `${missing} is not installed` })
    const { direct, mesh } = comparison.samples
    expect(direct).toHaveLength(1)
    expect(mesh).toHaveLength(1)
    expect(mesh[0].p50).toBeGreaterThan(direct[0].p50)
  }
)
