import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startApi } from '@agent-mesh/node'
import { exampleNode, type ExampleNode } from '@agent-mesh/testkit/example-node'
import { run } from './run.ts'

const source = 'grants: [{from: bob, to: alice, services: web}]\n'

let directory: string
let file: string
let node: ExampleNode

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesh-policy-'))
  file = join(directory, 'policy.yaml')
  await writeFile(file, source)
  node = exampleNode()
  const api = await startApi(node, { socketPath: join(directory, 'api.sock'), logger: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await api.close()
    await rm(directory, { recursive: true, force: true })
  })
})

const policy = async (...words: string[]) => run(['policy', ...words, '--state-dir', directory])

describe('mesh-node policy', () => {
  it('gives a file to the node as it is, and prints the next command', async () => {
    const push = vi.spyOn(node, 'pushPolicy')
    const check = vi.spyOn(node, 'checkPolicy')
    const checked = await policy('check', file)
    expect(checked.stdout.trimEnd().split('\n').at(-1)).toContain(`policy push ${file}`)
    expect((await policy('push', file)).stdout).toContain('Version 1 of the policy is in force here')
    for (const spy of [push, check]) expect(spy).toHaveBeenCalledExactlyOnceWith({ file, source })
  })

  it('writes what was signed to a file that the next admin gives back', async () => {
    const sign = vi.spyOn(node, 'signPolicy')
    expect((await policy('sign', file)).code).toBe(0)
    expect(await readFile(`${file}.signed`, 'utf8')).toBe('mesh-node signed policy\nAA==\n')
    await policy('sign', `${file}.signed`)
    expect(sign).toHaveBeenLastCalledWith({ file: `${file}.signed`, signed: 'AA==' })
  })

  it('says that there is none, and keeps stdout clean for a file', async () => {
    expect(await policy('show')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('No policy') })
    expect((await policy('status')).stdout).toContain('No policy: members may use what a node serves.')
  })

  it('names a file that is not there', async () => {
    expect(await policy('push', join(directory, 'none.yaml'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('none.yaml cannot be read')
    })
  })
})
