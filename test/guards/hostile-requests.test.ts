/**
 * Malformed, smuggling and spoofing requests, through real processes: each is refused, or its bytes pass unaltered but for
 * the fields that say who calls. No service is reached but the one that was asked for, and no forged identity arrives.
 */
import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  brokenChunks,
  forgedFields,
  get,
  inner,
  post,
  refusedByProxy,
  refusedForService
} from '@agent-mesh/testkit/hostile'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { say, type Heard } from '../e2e/harness/raw-client.ts'
import { startRecorder, type Recorder } from './harness/recorder.ts'

type Door = 'http' | 'forward' | 'socks' | 'open http' | 'open socks' | 'bytes'

let mesh: Mesh<'alice' | 'bob'>
const doors: Partial<Record<Door, number>> = {}
/** Asked for. */
let web: Recorder
/** Declared, and open to nobody. */
let hidden: Recorder
/** Declared by nobody: it listens on the machine of both nodes. */
let decoy: Recorder
const outcomes = { refused: 0, passed: 0 }
/** What else waits on this machine, to be reached by its addresses. */
let decoyPort = 0

const portIn = (listen: string): number => Number(listen.slice(listen.lastIndexOf(':') + 1))

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
  const { alice, bob } = mesh
  ;[web, hidden, decoy] = [await startRecorder(), await startRecorder(), await startRecorder()]
  decoyPort = decoy.port
  await alice.serve(`web=http://127.0.0.1:${web.port}`)
  await alice.serve(`bytes=tcp://127.0.0.1:${web.port}`)
  const { code, stderr } = await alice.run([
    'serve',
    `hidden=http://127.0.0.1:${hidden.port}`,
    '--no-check',
    '--allow',
    'alice'
  ])
  expect(code, stderr).toBe(0)
  const add = async (...flags: string[]): Promise<number> => {
    const { proxies } = await bob.json(proxiesResponse, ['proxy', ...flags])
    const kind = flags[0] === '--http' ? 'http' : 'socks'
    return portIn(proxies.findLast((one) => one.kind === kind)?.listen ?? '')
  }
  doors.http = await add('--http', '127.0.0.1:0')
  doors.socks = await add('--socks', '127.0.0.1:0')
  doors['open http'] = await add('--http', '127.0.0.1:0', '--allow-outside', '*')
  doors['open socks'] = await add('--socks', '127.0.0.1:0', '--allow-outside', '*')
  doors.forward = (await bob.forward('alice/web')).port
  doors.bytes = (await bob.forward('alice/bytes')).port
})

const isAnswered = (heard: Buffer): boolean => heard.toString('latin1').endsWith('\r\n\r\nok')

/** One answer has come whole. */
const isRefusal = (heard: Buffer): boolean => {
  const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(heard.toString('latin1'))?.[1])
  return heard.length >= heard.indexOf('\r\n\r\n') + 4 + length
}

/** @param until - for answers after which the connection stays */
const ask = async (
  door: Door,
  bytes: string | readonly number[],
  until?: (heard: Buffer) => boolean
): Promise<Heard & { text: string }> => {
  const heard = await say(doors[door] ?? 0, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, {
    withinMs: 2_000,
    ...(until === undefined ? {} : { until })
  })
  return { ...heard, text: Buffer.from(heard.bytes).toString('latin1') }
}

const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.\d (\d{3}) /g)].map((match) => Number(match[1]))

let marks = 0

/** What reached the service of a request. What was sent before a mark has arrived when that has: they share a connection. */
const arrived = async (): Promise<string> => {
  const mark = `GET /mark-${++marks} `
  await say(doors.forward ?? 0, Buffer.from(`${mark}HTTP/1.1\r\nHost: a\r\n\r\n`), {
    until: isAnswered
  })
  await vi.waitFor(() => expect(web.peek()).toContain(mark), { timeout: 10_000, interval: 5 })
  const all = web.take()
  return all.slice(0, all.indexOf(mark))
}

const identityNames = ['Mesh-Peer-Id', 'Mesh-Peer-Name', 'Mesh-Peer-Groups', 'Forwarded']

/** Who calls, as alice has to write it. */
const identity = (): string[] => [
  `Mesh-Peer-Id: ${mesh.bob.peerId}`,
  'Mesh-Peer-Name: bob',
  'Mesh-Peer-Groups: ',
  `Forwarded: for=_${mesh.bob.peerId};by=_${mesh.alice.peerId};proto=http`
]

const expectRefused = async (heard: string, status: number): Promise<void> => {
  expect(statuses(heard)).toEqual([status])
  expect(await arrived()).toBe('')
  outcomes.refused += 1
}

/** Everything of a request passed, and what says who calls is true and said once. */
const expectPassed = async (head: readonly string[], body: string): Promise<void> => {
  expect(await arrived()).toBe([...head, ...identity(), '', body].join('\r\n'))
  outcomes.passed += 1
}

/** Head lines that the HTTP proxy writes by itself. */
const ofProxy = ['Via: 1.1 mesh-node', 'Connection: keep-alive']
const closing = 'Connection: close\r\n'

describe('to the HTTP proxy', () => {
  test.each(refusedByProxy)('%s is refused', async (_what, bytes, status) => {
    const isAlone = !bytes.includes(inner)
    await expectRefused((await ask('http', bytes, isAlone ? isRefusal : undefined)).text, status)
  })

  test.each(brokenChunks)('a chunk with %s never makes a whole request', async (_what, body) => {
    const { text } = await ask('http', post('Transfer-Encoding: chunked\r\n', body))
    expect(statuses(text).every((status) => status === 400 || status === 200)).toBe(true)
    expect(await arrived()).not.toMatch(/\r\n0\r\n\r\n/)
    outcomes.refused += 1
  })

  test.each(forgedFields)('no forged identity arrives: %s', async (_what, lines) => {
    expect(statuses((await ask('http', get(closing + lines))).text)).toEqual([200])
    await expectPassed(['GET /x HTTP/1.1', 'Host: web.alice.mesh', ...ofProxy], '')
  })

  test('a request in a body stays there, byte by byte', async () => {
    const { text } = await ask('http', post(`${closing}Content-Length: ${inner.length}\r\n`, inner))
    expect(statuses(text)[0]).toBe(200)
    await expectPassed(
      ['POST /x HTTP/1.1', 'Host: web.alice.mesh', `Content-Length: ${inner.length}`, ...ofProxy],
      inner
    )
  })

  test('Host says nothing beside an absolute address', async () => {
    const { text } = await ask(
      'http',
      `GET http://web.alice.mesh/x HTTP/1.1\r\nHost: hidden.alice.mesh\r\n${closing}\r\n`
    )
    expect(statuses(text)).toEqual([200])
    await expectPassed(['GET /x HTTP/1.1', 'Host: web.alice.mesh', ...ofProxy], '')
  })

  test('a change to h2c is not offered, and what follows it is no second protocol', async () => {
    const lines = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
    const { text } = await ask('http', `${get(lines)}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`)
    expect(statuses(text)).toEqual([200])
    await expectPassed(['GET /x HTTP/1.1', 'Host: web.alice.mesh', ...ofProxy], '')
  })

  test.each([
    ['a service that is open to others', 'hidden.alice.mesh:80'],
    ['a service that is not there', 'decoy.alice.mesh:80'],
    ['a port that is none of a service', 'alice.mesh:22'],
    ['a name outside', 'example.com:443'],
    ['a user', 'me@web.alice.mesh:80'],
    ['an address of this machine', '127.0.0.1:22'],
    ['no port', 'web.alice.mesh'],
    ['a path', 'web.alice.mesh:80/x']
  ])('CONNECT to %s is refused', async (_what, authority) => {
    const { text } = await ask('http', `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const [status = 0] = statuses(text)
    expect([400, 403, 502]).toContain(status)
    await expectRefused(text, status)
  })

  test('within CONNECT no forged identity arrives either', async () => {
    const request = 'GET /x HTTP/1.1\r\nHost: a\r\nMesh-Peer-Id: forged\r\nforwarded: forged\r\n\r\n'
    const { text } = await ask('http', `CONNECT web.alice.mesh:80 HTTP/1.1\r\nHost: x\r\n\r\n${request}`, isAnswered)
    expect(statuses(text)).toEqual([200, 200])
    await expectPassed(['GET /x HTTP/1.1', 'Host: a'], '')
  })

  test.each([
    ['evil.example', 403],
    ['web.alice.mesh', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example:80', 403],
    ['evil.example#localhost', 400],
    ['localhost', 200],
    ['127.0.0.1', 200]
  ])('its configuration is served under a Host of its own alone: %s', async (host, status) => {
    const { text } = await ask('http', `GET /proxy.pac HTTP/1.1\r\nHost: ${host}\r\n${closing}\r\n`)
    await expectRefused(text, status)
  })
})

/** Hosts that are this machine, its link, or where clouds keep what a machine may do. */
const forbidden = [
  '127.0.0.1',
  '127.1',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '0177.0.0.1',
  '0',
  '0.0.0.0',
  'localhost',
  'LocalHost.',
  'a.localhost',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[64:ff9b::7f00:1]',
  '[::127.0.0.1]',
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '[::ffff:169.254.169.254]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '100.100.100.200',
  '224.0.0.1',
  '255.255.255.255'
]

describe('though every name is let through, nothing of this machine or its link is reached:', () => {
  test.each([...forbidden, hostname()])('%s', async (host) => {
    const isOwnName = host === hostname()
    const url = `http://${host}:${decoyPort}/latest/meta-data/`
    const requests = [
      `GET ${url} HTTP/1.1\r\nHost: x\r\n${closing}\r\n`,
      `CONNECT ${host}:${decoyPort} HTTP/1.1\r\nHost: x\r\n\r\n`
    ]
    for (const request of requests) {
      const { text } = await ask('open http', request)
      const [status = 0] = statuses(text)
      // The name of the machine may be at an address of its network, where the decoy does not listen.
      expect(isOwnName ? [403, 502, 504] : [400, 403, 502]).toContain(status)
      await expectRefused(text, status)
    }
    const plain = host.replaceAll(/[[\]]/g, '')
    const bytes = [5, 1, 0, 5, 1, 0, 3, plain.length, ...Buffer.from(plain), decoyPort >> 8, decoyPort & 255]
    const { bytes: heard } = await ask('open socks', bytes)
    expect(isOwnName ? [2, 4, 5, 6] : [2, 4]).toContain(heard[3])
    expect(await arrived()).toBe('')
    outcomes.refused += 1
  })
})

/** Ways to write names that programs may take for ours. */
const spellings = identityNames.flatMap((name) => [
  name,
  name.toLowerCase(),
  name.toUpperCase(),
  name.replaceAll('-', '_'),
  name.toUpperCase().replaceAll('-', '_'),
  name.replace('-', '_'),
  name.replaceAll(/(.)(.?)/g, (_, odd: string, even: string) => odd.toUpperCase() + even.toLowerCase())
])
const variants = [...new Set([...spellings, 'Mesh-Served-By', 'mesh_anything', 'Mesh-'])]

const chunksWith = (trailer: string): string => `3;ext="a"\r\nabc\r\n0\r\nX-Sum: 1\r\n${trailer}\r\n`

describe('to a forward', () => {
  test.each(refusedForService)('%s is refused', async (_what, bytes) => {
    const { text, ending } = await ask('forward', bytes)
    const all = await arrived()
    expect(all).not.toContain('forged')
    // What began before it was understood to be bad never comes to its end.
    if (all !== '') expect(all).not.toMatch(/\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/)
    else expect(statuses(text).every((status) => status === 400)).toBe(true)
    expect(ending).not.toBe('open')
    outcomes.refused += 1
  })

  test.each(variants)('no forged identity arrives: %s', async (name) => {
    const head = ['POST /x HTTP/1.1', 'Host: a', 'X-Odd-CASE: \xfc', 'Transfer-Encoding: chunked', 'X: 1']
    const [first = '', ...rest] = head
    const forged = `${name}: forged`
    await ask('forward', [first, forged, ...rest, forged, '', chunksWith(`${forged}\r\n`)].join('\r\n'), isAnswered)
    await expectPassed(head, chunksWith(''))
  })

  test('bytes for a service of plain bytes pass untouched', async () => {
    const bytes = `GET / HTTP/1.1\nMesh-Peer-Id: my own\r\n \0\xff\r\n\r\n${inner}`
    await ask('bytes', bytes, isAnswered)
    expect(await arrived()).toBe(bytes)
    outcomes.passed += 1
  })
})

afterAll(() => {
  process.stderr.write(`hostile-requests: ${outcomes.refused} refused, ${outcomes.passed} passed unaltered; `)
  process.stderr.write(`decoys: ${hidden.connections()} and ${decoy.connections()} connections\n`)
})

test('nobody else was reached', () => {
  expect([hidden.connections(), decoy.connections()]).toEqual([0, 0])
  expect(outcomes.refused + outcomes.passed).toBeGreaterThan(200)
})
