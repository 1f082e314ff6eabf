import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect } from 'vitest'
import { run, type RunResult } from './harness/command.ts'
import { createMesh } from './harness/mesh.ts'
import { findProgram, testWith } from './harness/program.ts'
import { startSshd, type Sshd } from './harness/origins/sshd.ts'
import { digestOf, seededSha256, writeSeededFile } from './harness/seeded-bytes.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

const bigBytes = 64 * 1024 * 1024
const programs = ['ssh', 'scp', 'sshd', 'ssh-keygen']
const areInstalled = programs.every((name) => findProgram(name) !== undefined)

let sshd: Sshd
let bob: MeshProcess

beforeAll(async () => {
  if (!areInstalled) return
  sshd = await startSshd('alice')
  const mesh = await createMesh({ members: ['alice', 'bob'] })
  bob = mesh.bob
  await mesh.alice.serve(`ssh=ssh://127.0.0.1:${sshd.port}`)
})

const proxied = ['-o', 'ProxyCommand=mesh-node nc %h ssh']

const ssh = async (args: readonly string[], input?: string): Promise<RunResult> =>
  run('ssh', [...sshd.clientOptions, ...args], { stateDir: bob.stateDir, ...(input === undefined ? {} : { input }) })

describe('OpenSSH over `mesh-node nc` as its ProxyCommand', () => {
  const sshTest = testWith(...programs)

  sshTest('runs a command with its input, output, errors and exit code', async () => {
    const call = 'cat; echo "$SSH_CONNECTION" | cut -d" " -f3,4; echo trouble >&2; exit 7'
    const over = await ssh([...proxied, `${sshd.user}@alice`, call], 'some input\n')
    const past = await ssh(['-p', String(sshd.port), `${sshd.user}@127.0.0.1`, call], 'some input\n')
    expect({ ...over, elapsedMs: 0 }).toEqual({ ...past, elapsedMs: 0 })
    expect(over).toMatchObject({ code: 7, stdout: `some input\n127.0.0.1 ${sshd.port}\n`, stderr: 'trouble\n' })
  })

  sshTest('scp carries 64 MiB there and back', async () => {
    const [source, there, back] = ['source', 'there', 'back'].map((name) => join(sshd.scratch, name))
    if (source === undefined || there === undefined || back === undefined) throw new Error('no paths')
    await writeSeededFile(source, 9, bigBytes)
    for (const [from, to] of [
      [source, `${sshd.user}@alice:${there}`],
      [`${sshd.user}@alice:${there}`, back]
    ] as const) {
      const { code, stderr } = await run('scp', [...sshd.clientOptions, ...proxied, from, to], {
        stateDir: bob.stateDir,
        timeoutMs: 90_000
      })
      expect(`${code} ${stderr}`).toBe('0 ')
    }
    const expected = { sizeBytes: bigBytes, sha256: seededSha256(9, bigBytes) }
    expect(await digestOf(createReadStream(there))).toEqual(expected)
    expect(await digestOf(createReadStream(back))).toEqual(expected)
  })

  sshTest('a host that is no member is refused with a reason, and ssh ends', async () => {
    const { code, stderr } = await ssh([...proxied, `${sshd.user}@nobody`, 'true'])
    expect(code).toBe(255)
    expect(stderr).toContain('NAME_UNKNOWN')
  })
})
