import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeScratchDir } from './harness/cleanup.ts'
import { createNetwork } from './harness/mesh.ts'
import { MeshProcess } from './harness/mesh-process.ts'

const argumentsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')

test.runIf(process.platform === 'linux')(
  'a node runs with a small young generation in the process that was started, unless another size was chosen',
  async () => {
    const stateDir = join(await makeScratchDir('young-generation'), 'alice')
    await createNetwork('alice', stateDir)
    const node = await MeshProcess.up(stateDir)
    expect(argumentsOf(node.pid)).toContain('--max-semi-space-size=4')
    expect(await node.stop()).toBe(0)

    const options = `${process.env['NODE_OPTIONS'] ?? ''} --max-semi-space-size=16`
    const other = await MeshProcess.up(stateDir, { env: { NODE_OPTIONS: options } })
    expect(argumentsOf(other.pid).filter((word) => word.includes('semi-space'))).toEqual([])
  }
)
