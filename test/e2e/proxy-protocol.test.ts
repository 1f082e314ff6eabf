import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { makeScratchDir, onCleanup } from './harness/cleanup.ts'
import { listenLocally } from './harness/local-server.ts'
import { createMesh } from './harness/mesh.ts'
import { MeshProcess } from './harness/mesh-process.ts'
import { readProxyHeader, type ProxyHeader } from './harness/proxy-protocol.ts'

interface ProxiedOrigin {
  port: number
  headers: ProxyHeader[]
  /** What began otherwise. */
  refused: Buffer[]
}

/** A server that insists on a header, and then greets its client by what the header says before it hears a word. */
const startProxiedOrigin = async (): Promise<ProxiedOrigin> => {
  const headers: ProxyHeader[] = []
  const refused: Buffer[] = []
  const read = (heard: Buffer): ProxyHeader | undefined => {
    try {
      return readProxyHeader(heard)
    } catch {
      refused.push(heard)
      return undefined
    }
  }
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    let heard = Buffer.alloc(0)
    const onData = (data: Buffer): void => {
      heard = Buffer.concat([heard, data])
      const header = read(heard)
      if (refused.includes(heard)) socket.destroy()
      if (header === undefined) return
      socket.off('data', onData)
      headers.push(header)
      socket.write(`hello ${header.entries.map(([, value]) => value).join(' ')};`)
      socket.write(header.rest)
      socket.pipe(socket)
    }
    socket.on('data', onData).on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  const port = await listenLocally(server)
  onCleanup(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { port, headers, refused }
}

let alice: MeshProcess
let bob: MeshProcess
let origin: ProxiedOrigin
let configured: ProxiedOrigin
const upOptions = { args: [] as string[] }

beforeAll(async () => {
  origin = await startProxiedOrigin()
  configured = await startProxiedOrigin()
  const config = join(await makeScratchDir('proxied'), 'mesh.yaml')
  const service = `{name: inbox, address: 'tcp://127.0.0.1:${configured.port}', check: connect, proxy_protocol: true}`
  await writeFile(config, `services: [${service}]\n`)
  upOptions.args.push('--config', config)
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'], up: { alice: upOptions } }))
  await alice.json(z.unknown(), ['serve', `db=tcp://127.0.0.1:${origin.port}`, '--no-check', '--proxy-protocol'])
})

const say = async (service: string, words: string): Promise<string> => {
  const { host, port } = await bob.forward(`alice/${service}`)
  const socket = connect({ host, port })
  socket.end(words)
  return text(socket)
}

const lastHeader = (one: ProxiedOrigin): ProxyHeader | undefined =>
  one.headers.findLast(({ command }) => command === 'PROXY')

test('a TCP service reads who calls and from where before the first byte, by the letter of the protocol', async () => {
  expect(await say('db', 'some words')).toBe(`hello ${bob.peerId} bob ;some words`)
  const header = lastHeader(origin)
  expect(header).toMatchObject({
    command: 'PROXY',
    destination: { host: '127.0.0.1', port: origin.port },
    entries: [
      [0xe0, bob.peerId],
      [0xe1, 'bob'],
      [0xe2, '']
    ]
  })
  expect(header?.source?.host).toBe('127.0.0.1')
})

test('it is told by a server that speaks first, and a caller cannot say it in its place', async () => {
  const { host, port } = await bob.forward('alice/db')
  const silent = connect({ host, port })
  const [greeting]: unknown[] = await once(silent, 'data')
  expect(String(greeting)).toBe(`hello ${bob.peerId} bob ;`)
  const forged = Buffer.from('0d0a0d0a000d0a515549540a21000006e00003657665', 'hex')
  expect(readProxyHeader(forged)?.entries).toEqual([[0xe0, 'eve']])
  silent.end(forged)
  expect(await text(silent)).toBe(forged.toString())
  expect(lastHeader(origin)?.entries[0]).toEqual([0xe0, bob.peerId])
})

test('a service of the configuration file is told too, and its checks speak for the node itself', async () => {
  expect(await say('inbox', 'x')).toBe(`hello ${bob.peerId} bob ;x`)
  await vi.waitFor(() => expect(configured.headers.some(({ command }) => command === 'LOCAL')).toBe(true), 20_000)
  const checks = configured.headers.filter(({ command }) => command === 'LOCAL')
  for (const check of checks) expect(check).toEqual({ command: 'LOCAL', entries: [], rest: Buffer.alloc(0) })
})

test('it stays so over a restart and --replace, until --no-proxy-protocol', async () => {
  const shown = async (): Promise<boolean | undefined> =>
    (await alice.status()).services.find(({ name }) => name === 'db')?.proxyProtocol
  await alice.stop()
  alice = await MeshProcess.up(alice.stateDir, upOptions)
  expect(await shown()).toBe(true)
  const replace = ['serve', `db=tcp://127.0.0.1:${origin.port}`, '--no-check', '--replace']
  await alice.json(z.unknown(), replace)
  expect(await shown()).toBe(true)
  await vi.waitFor(async () => expect(await say('db', 'again')).toBe(`hello ${bob.peerId} bob ;again`), 30_000)
  await alice.json(z.unknown(), [...replace, '--no-proxy-protocol'])
  expect(await shown()).toBeUndefined()
  const before = origin.headers.length
  await say('db', 'plain').catch(() => '')
  await vi.waitFor(() => expect(origin.refused.map(String)).toEqual(['plain']), 10_000)
  expect(origin.headers).toHaveLength(before)
  const program = await alice.run(['serve', 'tools=stdio:cat', '--proxy-protocol'])
  expect(program.code).toBe(2)
  expect(program.stderr).toContain('SERVICE_INVALID')
})
