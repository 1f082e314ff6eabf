import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect } from 'vitest'
import { makeScratchDir } from './harness/cleanup.ts'
import { run } from './harness/command.ts'
import { createMesh } from './harness/mesh.ts'
import { originHeader, startHttpOrigin } from './harness/origins/http-origin.ts'
import { testWith } from './harness/program.ts'
import { digestOf, seededSha256, writeSeededFile } from './harness/seeded-bytes.ts'

const bigBytes = 64 * 1024 * 1024

let direct = ''
let forwarded = ''
let scratch = ''

beforeAll(async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  const origin = await startHttpOrigin('alice-web')
  const decoy = await startHttpOrigin('alice-other')
  await alice.serve(`web=${origin.url}`)
  await alice.serve(`other=${decoy.url}`)
  const { port } = await bob.forward('alice/web')
  direct = origin.url
  forwarded = `http://127.0.0.1:${port}`
  scratch = await makeScratchDir('http')
})

const curl = async (args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await run(
    'curl',
    ['-sS', '--max-time', '60', ...args],
    input === undefined ? {} : { input }
  )
  expect(`${code} ${stderr}`).toBe('0 ')
  return stdout.replaceAll(/^date: .*\r\n/gim, '')
}

/** Runs the same call on the server itself and through the mesh. */
const both = async (call: (url: string) => Promise<string>): Promise<{ over: string; past: string }> => ({
  over: await call(forwarded),
  past: await call(direct)
})

describe('curl through a forward sees what it sees on the server itself', () => {
  const curlTest = testWith('curl')

  curlTest('one connection carries several requests', async () => {
    const { over, past } = await both((url) =>
      curl(['-i', '-w', 'connects: %{num_connects}\n', `${url}/`, `${url}/`, `${url}/`])
    )
    expect(over).toBe(past)
    expect(over).toContain(`${originHeader}: alice-web`)
    expect(over).toContain('x-request-of-connection: 3')
    expect(over.match(/connects: \d/g)).toEqual(['connects: 1', 'connects: 0', 'connects: 0'])
  })

  curlTest('an answer in chunks arrives in the same chunks', async () => {
    const { over, past } = await both((url) => curl(['-i', '--raw', `${url}/chunked`]))
    expect(over).toBe(past)
    expect(over).toContain('4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n')
  })

  curlTest('a request in chunks arrives in chunks', async () => {
    const { over, past } = await both((url) =>
      curl(['-i', '-H', 'Transfer-Encoding: chunked', '--data-binary', '@-', `${url}/echo`], 'some words')
    )
    expect(over).toBe(past)
    expect(over).toContain('"framing":"chunked"')
    expect(over).toContain('"sizeBytes":10')
  })

  curlTest('a client that asks first is told to continue', async () => {
    const file = join(scratch, 'asked')
    await writeSeededFile(file, 3, 300_000)
    const { over, past } = await both((url) =>
      curl([
        '-i',
        '-H',
        'Expect: 100-continue',
        '--expect100-timeout',
        '30',
        '--data-binary',
        `@${file}`,
        `${url}/echo`
      ])
    )
    expect(over).toBe(past)
    expect(over).toMatch(/^HTTP\/1\.1 100 Continue\r\n/)
    expect(over).toContain('x-continued: yes')
    expect(over).toContain(seededSha256(3, 300_000))
  })

  curlTest('64 MiB go up', async () => {
    const file = join(scratch, 'up')
    await writeSeededFile(file, 1, bigBytes)
    const { over, past } = await both((url) => curl(['-i', '-T', file, `${url}/echo`]))
    expect(over).toBe(past)
    expect(over).toContain(`"sizeBytes":${bigBytes},"sha256":"${seededSha256(1, bigBytes)}"`)
  })

  curlTest('64 MiB come down', async () => {
    const file = join(scratch, 'down')
    const headers = await curl(['-D', '-', '-o', file, `${forwarded}/bytes?size=${bigBytes}&seed=2`])
    expect(headers).toContain(`${originHeader}: alice-web`)
    expect(await digestOf(createReadStream(file))).toEqual({ sizeBytes: bigBytes, sha256: seededSha256(2, bigBytes) })
  })
})
