import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeScratchDir } from './harness/cleanup.ts'
import { rootDir, run } from './harness/command.ts'
import { makePrivilegeFolder } from './harness/origins/sshd.ts'
import { testWith } from './harness/program.ts'

/** What an example prints. It has to end well, say nothing else, and leave nothing in the folder for temporary files. */
const outputOf = async (name: string): Promise<string> => {
  const scratch = await makeScratchDir('example')
  const { code, stdout, stderr } = await run(process.execPath, [join(rootDir, 'examples', name, 'main.ts')], {
    env: { TMPDIR: scratch }
  })
  expect(`${code} ${stderr}${code === 0 ? '' : stdout}`).toBe('0 ')
  expect(await readdir(scratch)).toEqual([])
  return stdout
}

const peerId = '(12D3KooW\\w{44})'
const aliceIn = (output: string): string => new RegExp(`^alice is ${peerId}$`, 'm').exec(output)?.[1] ?? 'nobody'

describe('the example', () => {
  it('http: two agents talk, and the one that answers is the one that was named', async () => {
    const output = await outputOf('http')
    const by = `  answered by "${aliceIn(output)}";name="alice";service="translator"`
    expect(output.split('\n').slice(1)).toEqual([
      'translator.alice.mesh says: HELLO, bob!',
      by,
      'translation.cap.mesh says: HELLO, bob!',
      by,
      'carol.mesh: NAME_UNKNOWN, No member named "carol" is known.',
      ''
    ])
  })

  it('grpc: a stream of words, from a server that knows who calls', async () => {
    const output = await outputOf('grpc')
    expect(output.split('\n').slice(1)).toEqual([
      'alice is called by bob',
      'bob reads: one',
      'bob reads: two',
      'bob reads: three',
      `answered by ${aliceIn(output)}, status 0`,
      ''
    ])
  })

  it('mcp: the client of the official SDK uses a tool of another agent', async () => {
    const output = await outputOf('mcp')
    expect(output).toContain('bob sees the tools: reverse\n')
    expect(output).toContain(`"text":"mesh (${aliceIn(output)} for bob)"`)
  })

  testWith(
    'ssh',
    'sshd',
    'ssh-keygen'
  )('ssh: OpenSSH logs in by the name of an agent', async () => {
    await makePrivilegeFolder()
    const output = await outputOf('ssh')
    expect(output).toContain(`answered by ${aliceIn(output)} on `)
  })

  it('failover: two of three agents are killed, and every request is answered by whom it says', async () => {
    const output = await outputOf('failover')
    const killed = [...output.matchAll(/^(\w+) answered request \d+ and was killed$/gm)].map(([, name]) => name)
    expect(new Set(killed).size).toBe(2)
    const [, last] = /^(\w+) lives on$/m.exec(output) ?? []
    expect(new Set([...killed, last])).toEqual(new Set(['carol', 'dave', 'erin']))
    const counted = [...(/^30 of 30 answered: (.*)$/m.exec(output)?.[1] ?? '').matchAll(/(\w+) (\d+)/g)]
    expect(new Set(counted.map(([, name]) => name))).toEqual(new Set([...killed, last]))
    expect(counted.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(30)
  })
})
