import { Resolver } from 'node:dns/promises'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { toBase36 } from '@agent-mesh/wire'
import { proxiesResponse, type ProxyDocument } from '@agent-mesh/wire/api'
import { makeScratchDir } from './harness/cleanup.ts'
import { run } from './harness/command.ts'
import { createMesh } from './harness/mesh.ts'
import { MeshProcess } from './harness/mesh-process.ts'
import { startHttpOrigin } from './harness/origins/http-origin.ts'
import { answerWithDigest, startTcpOrigin } from './harness/origins/tcp-origin.ts'
import { seededSha256, seededStream } from './harness/seeded-bytes.ts'
import { testWith } from './harness/program.ts'

/** A port of `proxy.dns_ports`, on which a tcp service is reached. */
const tcpPort = 5_432
const bigBytes = 8 * 1024 * 1024

let alice: MeshProcess
let bob: MeshProcess
let dns = ''
let range = ''

const onlyProxy = ({ proxies }: { proxies: ProxyDocument[] }): ProxyDocument => {
  const [first] = proxies
  if (first === undefined) throw new Error('no proxy was opened')
  return first
}

const upOptions = { args: [] as string[] }

beforeAll(async () => {
  // Addresses of their own, were two of these to run at once.
  range = `127.${64 + (process.pid % 32)}.0.0/16`
  const config = join(await makeScratchDir('dns'), 'mesh.yaml')
  await writeFile(config, `proxy: {dns_range: ${range}}\n`)
  upOptions.args.push('--config', config)
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'], up: { bob: upOptions } }))
  await alice.serve(`web=${(await startHttpOrigin('alice-web')).url}`, 'language_processing/translation')
  await alice.serve(`db=tcp://127.0.0.1:${(await startTcpOrigin('alice-db', answerWithDigest)).port}`)
  dns = onlyProxy(await bob.json(proxiesResponse, ['proxy', '--dns', '127.0.0.1:0'])).listen
})

const addressOf = async (host: string): Promise<string> => {
  const resolver = new Resolver({ timeout: 6_000, tries: 3 })
  resolver.setServers([dns])
  const [address = ''] = await resolver.resolve4(host)
  return address
}

/** A request by a program that knows nothing but how names are looked up. */
const get = async (host: string, port = 8_080): Promise<string> => {
  const address = await addressOf(host)
  const asking = request({
    host,
    port,
    path: '/',
    lookup: (_host, _options, done) => done(null, [{ address, family: 4 }])
  })
  asking.end()
  const [response] = await once(asking, 'response')
  return text(response)
}

describe('names by DNS', () => {
  test('of every kind lead to their agent', async () => {
    const names = ['web.alice.mesh', `web.${toBase36(alice.peerId)}.mesh`, 'alice.mesh', 'translation.cap.mesh']
    for (const name of names) expect(await get(name), name).toBe('alice-web\n')
    const addresses = await Promise.all(names.map(addressOf))
    expect(new Set(addresses).size).toBe(names.length)
    for (const address of addresses) expect(address).toContain(range.slice(0, range.indexOf('.0.0/') + 1))
  })

  test('carry bytes of any protocol', async () => {
    const socket = connect({ host: await addressOf('db.alice.mesh'), port: tcpPort })
    seededStream(3, bigBytes).pipe(socket)
    const answer: unknown = JSON.parse(await text(socket))
    expect(answer).toEqual({ id: 'alice-db', sizeBytes: bigBytes, sha256: seededSha256(3, bigBytes) })
  })

  test('that mean nobody say so', async () => {
    await expect(addressOf('nobody.mesh')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(addressOf('nothing.alice.mesh')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(addressOf('summary.cap.mesh')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(addressOf('example.com')).rejects.toMatchObject({ code: 'EREFUSED' })
  })

  test('keep their address over a restart, and the responder its own', async () => {
    const before = await addressOf('web.alice.mesh')
    await bob.stop()
    bob = await MeshProcess.up(bob.stateDir, upOptions)
    await vi.waitFor(async () => expect(await addressOf('web.alice.mesh')).toBe(before), 20_000)
    expect(await get('web.alice.mesh')).toBe('alice-web\n')
    expect((await bob.status()).proxies).toMatchObject([{ kind: 'dns', listen: dns, isPersistent: true, range }])
  })

  test('need what is printed', async () => {
    const { stdout } = await bob.run(['proxy', '--print-setup'])
    const [host = '', port = ''] = dns.split(':')
    expect(stdout).toContain(`dig @${host} -p ${port} `)
    expect(stdout).toContain(`server=/mesh/${host}#${port}`)
    expect(stdout).toContain(`DNS=${dns}\\nDomains=~mesh`)
    expect(stdout).toContain(`nameserver ${host}\\nport ${port}`)
    const rooted = stdout.split('\n').filter((line) => /\/etc\/|ifconfig|systemctl|sysctl/.test(line))
    for (const line of rooted) expect(line).toMatch(/sudo|^#/)
  })
})

const isRoot = process.getuid?.() === 0
const rootTest = isRoot
  ? testWith('unshare', 'getent', 'curl', 'mount')
  : (name: string) => test.skip(`${name} [needs root]`)

rootTest('getent and curl find agents where the system asks the node', async () => {
  const host = `127.${100 + (process.pid % 100)}.0.53`
  await bob.json(proxiesResponse, ['proxy', '--dns', `${host}:53`])
  const scratch = await makeScratchDir('resolv')
  await writeFile(join(scratch, 'resolv.conf'), `nameserver ${host}\n`)
  await writeFile(join(scratch, 'nsswitch.conf'), 'hosts: files dns\n')
  const { code, stdout, stderr } = await run('unshare', [
    '--mount',
    'sh',
    '-ec',
    `mount --bind ${scratch}/resolv.conf /etc/resolv.conf
     mount --bind ${scratch}/nsswitch.conf /etc/nsswitch.conf
     getent ahostsv4 web.alice.mesh
     curl -sS --max-time 20 http://web.alice.mesh/
     curl -sS --max-time 20 http://nobody.mesh/ || echo "ended with $?"`
  ])
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^127\.\S+ +STREAM web\.alice\.mesh/)
  expect(stdout).toMatch(/\nalice-web\nended with 6\n$/)
  await bob.json(z.unknown(), ['proxy', '--remove', `${host}:53`])
})
