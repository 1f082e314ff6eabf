import { createReadStream } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, vi } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { run, start, type RunResult } from './harness/command.ts'
import { freePort } from './harness/local-server.ts'
import { createMesh } from './harness/mesh.ts'
import { startHttpOrigin } from './harness/origins/http-origin.ts'
import { startSshd, type Sshd } from './harness/origins/sshd.ts'
import { findProgram, testWith } from './harness/program.ts'
import { digestOf, seededSha256, writeSeededFile } from './harness/seeded-bytes.ts'

const bigBytes = 10 * 1024 * 1024
/** `nc` has to be the one of OpenBSD, which alone speaks SOCKS by itself. */
const programs = ['ssh', 'scp', 'sshd', 'ssh-keygen', 'nc.openbsd']
const areInstalled = programs.every((name) => findProgram(name) !== undefined)

let sshd: Sshd
let proxied: string[] = []

beforeAll(async () => {
  if (!areInstalled) return
  sshd = await startSshd('alice')
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  await alice.serve(`web=${(await startHttpOrigin('alice-web')).url}`)
  await alice.serve(`ssh=ssh://127.0.0.1:${sshd.port}`)
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--socks', '127.0.0.1:0'])
  proxied = ['-o', `ProxyCommand=nc.openbsd -X 5 -x ${proxies[0]?.listen ?? ''} %h %p`]
})

const ssh = async (host: string, call: string, input?: string): Promise<RunResult> =>
  run('ssh', [...sshd.clientOptions, ...proxied, `${sshd.user}@${host}`, call], input === undefined ? {} : { input })

const get = async (port: number): Promise<string> => {
  const asking = request({ host: '127.0.0.1', port })
  asking.end()
  const [response] = await once(asking, 'response')
  return text(response)
}

describe('OpenSSH over the SOCKS proxy', () => {
  const sshTest = testWith(...programs)

  sshTest('runs a command with its input, output, errors and exit code', async () => {
    const call = 'cat; echo "$SSH_CONNECTION" | cut -d" " -f3,4; echo trouble >&2; exit 7'
    for (const host of ['alice.mesh', 'ssh.alice.mesh']) {
      const { code, stdout, stderr } = await ssh(host, call, 'some input\n')
      expect({ code, stdout, stderr }).toEqual({
        code: 7,
        stdout: `some input\n127.0.0.1 ${sshd.port}\n`,
        stderr: 'trouble\n'
      })
    }
  })

  sshTest('scp carries 10 MiB there and back', async () => {
    const [source, there, back] = [join(sshd.scratch, 'a'), join(sshd.scratch, 'b'), join(sshd.scratch, 'c')]
    await writeSeededFile(source, 11, bigBytes)
    for (const [from, to] of [
      [source, `${sshd.user}@alice.mesh:${there}`],
      [`${sshd.user}@alice.mesh:${there}`, back]
    ] as const) {
      const { code, stderr } = await run('scp', [...sshd.clientOptions, ...proxied, from, to], { timeoutMs: 90_000 })
      expect(`${code} ${stderr}`).toBe('0 ')
    }
    const expected = { sizeBytes: bigBytes, sha256: seededSha256(11, bigBytes) }
    expect(await digestOf(createReadStream(there))).toEqual(expected)
    expect(await digestOf(createReadStream(back))).toEqual(expected)
  })

  sshTest('forwards a port, for several requests at once, until it ends', async () => {
    const origin = await startHttpOrigin('behind-ssh')
    const port = await freePort()
    const child = start('ssh', [
      ...sshd.clientOptions,
      ...proxied,
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-L',
      `127.0.0.1:${port}:127.0.0.1:${origin.port}`,
      `${sshd.user}@alice.mesh`
    ])
    await vi.waitFor(async () => expect(await get(port)).toBe('behind-ssh\n'), { timeout: 20_000, interval: 100 })
    const answers = await Promise.all(Array.from({ length: 16 }, () => get(port)))
    expect(new Set(answers)).toEqual(new Set(['behind-ssh\n']))
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  sshTest('ends with the reason that SOCKS has words for', async () => {
    const { code, stderr } = await ssh('nobody.mesh', 'true')
    expect(code).toBe(255)
    expect(stderr).toContain('Host unreachable')
    const outside = await ssh('example.com', 'true')
    expect(outside.code).toBe(255)
    expect(outside.stderr).toContain('not allowed by ruleset')
  })
})
