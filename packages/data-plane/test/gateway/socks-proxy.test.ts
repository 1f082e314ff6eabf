import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { startBlackHole } from '@agent-mesh/testkit/black-hole'
import { bytes, digest, digestOf, startService, type TestService } from '../servers.ts'
import { startProxyPair, talk, type ProxyPair, type Talk } from './proxy-pair.ts'

let two: ProxyPair
let port = 0
const services: TestService[] = []

beforeAll(async () => {
  two = await startProxyPair({
    authorizer: {
      mayOpen: (_peer, service) =>
        service === 'secret' ? { allowed: false, code: 'DENIED', rule: 'not for you' } : { allowed: true, rule: 'test' }
    }
  })
  const echoing = await startService((socket) => socket.pipe(socket))
  const digesting = await startService(digest)
  services.push(echoing, digesting)
  two.serve('raw', echoing.address)
  two.serve('digest', digesting.address)
  two.serve('secret', echoing.address)
  const refusing = await startService(() => {})
  refusing.stop()
  two.serve('gone', refusing.address)
  port = await two.open('socks')
})
afterAll(async () => {
  await two.stop()
  for (const service of services) service.stop()
})

const greeting = Buffer.of(5, 1, 0)
const byName = (host: string, toPort: number): Buffer =>
  Buffer.concat([Buffer.of(5, 1, 0, 3, host.length), Buffer.from(host), Buffer.of(toPort >> 8, toPort & 255)])

const ask = async (request: Buffer): Promise<{ reply: number; talking: Talk }> => {
  const talking = await talk(port)
  talking.socket.write(Buffer.concat([greeting, request]))
  const heard = await talking.until((all) => all.length >= 12)
  expect([...heard.subarray(0, 3)]).toEqual([5, 0, 5])
  expect([...heard.subarray(4, 12)]).toEqual([0, 1, 0, 0, 0, 0, 0, 0])
  return { reply: heard[3] ?? -1, talking }
}

describe('the SOCKS5 proxy', () => {
  it.each<[string, Buffer, number]>([
    ['a service by name', byName('raw.alice.mesh', 7), 0],
    ['a service by name in capitals and with a dot', byName('RAW.Alice.Mesh.', 7), 0],
    ['a service that denies', byName('secret.alice.mesh', 7), 2],
    ['a name outside', byName('example.com', 80), 2],
    ['an IPv4 address', Buffer.of(5, 1, 0, 1, 192, 0, 2, 1, 0, 80), 2],
    ['this machine', Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, 0, 22), 2],
    ['this machine, as a name', byName('127.0.0.1', 22), 2],
    ['this machine, in IPv6', Buffer.of(5, 1, 0, 4, ...Array.from({ length: 15 }, () => 0), 1, 0, 22), 2],
    ['an unknown name', byName('nobody.mesh', 80), 4],
    ['a name that is none', byName('cap.mesh', 80), 4],
    ['an unknown skill', byName('juggling.cap.mesh', 80), 4],
    ['a service that is not there', byName('missing.alice.mesh', 80), 5],
    ['a service that refuses', byName('gone.alice.mesh', 80), 5],
    ['a name that no resolver takes', byName('a\0b.mesh', 80), 4]
  ])('answers %s', async (_what, request, expected) => {
    const { reply, talking } = await ask(request)
    expect(reply).toBe(expected)
    if (expected === 0) talking.socket.destroy()
    else await talking.end
    talking.socket.destroy()
  })

  it('carries early data, 4 MiB, and the end of one direction', async () => {
    const data = bytes(4 * 1024 * 1024)
    const { socket, end } = await talk(port)
    socket.write(Buffer.concat([greeting, byName('digest.alice.mesh', 7), data.subarray(0, 1_000)]))
    socket.end(data.subarray(1_000))
    expect((await end).subarray(12).toString()).toBe(digestOf(data))
    socket.destroy()
  })

  it('says 6 where the service does not answer in time', { timeout: 20_000 }, async () => {
    const hole = await startBlackHole()
    two.serve('hole', `tcp://127.0.0.1:${hole.port}`)
    const { reply, talking } = await ask(byName('hole.alice.mesh', 7))
    expect(reply).toBe(6)
    talking.socket.destroy()
    await hole.stop()
  })

  it('gives up the open when its client hangs up', async () => {
    const hole = await startBlackHole()
    two.serve('hole', `tcp://127.0.0.1:${hole.port}`)
    const { socket } = await talk(port)
    socket.write(Buffer.concat([greeting, byName('hole.alice.mesh', 7)]))
    await vi.waitFor(() => expect(two.pair.callee.plane.tunnels.size).toBe(1))
    socket.resetAndDestroy()
    await vi.waitFor(() => expect(two.pair.callee.plane.tunnels.size).toBe(0), 2_000)
    await hole.stop()
  })

  it('resets one client more than may be undecided at once, and serves again when they are gone', async () => {
    const waiting = await Promise.all(Array.from({ length: limits.proxyPendingHandshakes }, async () => talk(port)))
    const { socket, end } = await talk(port)
    expect((await end).length).toBe(0)
    socket.destroy()
    for (const one of waiting) one.socket.destroy()
    await vi.waitFor(async () => {
      const { reply, talking } = await ask(byName('raw.alice.mesh', 7))
      talking.socket.destroy()
      expect(reply).toBe(0)
    })
  })

  it('cuts a client that does not say whom it wants', { timeout: limits.proxyHandshakeTimeoutMs + 5_000 }, async () => {
    const { socket, end } = await talk(port)
    socket.write(greeting)
    expect([...(await end)]).toEqual([5, 0])
    socket.destroy()
  })

  it('lets names outside through where they are allowed, but nothing on this machine or its link', async () => {
    const open = await two.open('socks', ['*', '127.0.0.1', '169.254.169.254', '[::1]'])
    for (const host of [
      '127.0.0.1',
      'localhost',
      '169.254.169.254',
      '0.0.0.0',
      '::1',
      '::ffff:127.0.0.1',
      '100.100.100.200'
    ]) {
      const { socket, until } = await talk(open)
      socket.write(Buffer.concat([greeting, byName(host, 80)]))
      expect((await until((all) => all.length >= 12))[3], host).toBe(2)
      socket.destroy()
    }
  })

  it('listens on a unix socket too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'proxy-'))
    const path = join(dir, 'socks.sock')
    await two.proxies.add({ kind: 'socks', listen: { type: 'unix', path } })
    const client = connect({ path, allowHalfOpen: true })
    client.end(Buffer.concat([greeting, byName('raw.alice.mesh', 7), Buffer.from('over unix')]))
    const parts: Buffer[] = []
    for await (const part of client) parts.push(Buffer.from(part))
    expect(Buffer.concat(parts).subarray(12).toString()).toBe('over unix')
    await rm(dir, { recursive: true })
  })
})
