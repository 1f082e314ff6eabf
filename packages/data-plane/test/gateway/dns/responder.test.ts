import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Proxies } from '@agent-mesh/data-plane'
import { limits } from '@agent-mesh/wire'
import { decoded } from './decoded.ts'
import { framed, overTcp, overUdp as askOverUdp, query, whyOf } from './dns-client.ts'
import { addressOf as askAddress, network, range, startDnsPair, talkTo, type DnsPair, type Opened } from './dns-pair.ts'

let two: DnsPair
let proxies: Proxies
let dnsPort = 0
let rawPort = 0
let silence: Promise<number> = Promise.resolve(0)

beforeAll(async () => {
  two = await startDnsPair()
  ;({ rawPort } = two)
  ;({ proxies, port: dnsPort } = await two.open([rawPort]))
  silence = hearSilence(await two.open([rawPort]))
})
afterAll(async () => {
  proxies.close()
  await two.stop()
})

const addressOf = async (host: string, port = dnsPort): Promise<string> => askAddress(host, port)

const overUdp = async (message: Buffer, port = dnsPort): ReturnType<typeof askOverUdp> => askOverUdp(port, message)

/** How long a connection lasts on which nothing is said. */
const hearSilence = async (own: Opened): Promise<number> => {
  const startedMs = performance.now()
  const socket = connect({ host: '127.0.0.1', port: own.port })
  await once(socket, 'close')
  own.proxies.close()
  return performance.now() - startedMs
}

/** A port that only a privileged user may bind, where there are such ports and users here. */
const privilegedPort = 900 + (process.pid % 100)

const isPrivilegeKnown = (): boolean => {
  try {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
    return process.getuid?.() === 0 && first > privilegedPort
  } catch {
    return false
  }
}

/** Does something as a user without privileges. */
const asNobody = async (work: () => Promise<void>): Promise<void> => {
  process.seteuid?.(65_534)
  try {
    await work()
  } finally {
    process.seteuid?.(0)
  }
}

describe.skipIf(!isPrivilegeKnown())('the responder of a user without privileges [needs root to become one]', () => {
  it('leaves out the ports that this user may not bind, while there are others', async () => {
    await asNobody(async () => {
      const { proxies: own, port } = await two.open([privilegedPort, rawPort])
      const address = await addressOf('raw.alice.mesh', port)
      expect(await talkTo(address, rawPort, 'x')).toBe('x')
      await expect(talkTo(address, privilegedPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      own.close()
      const { proxies: none, port: nonePort } = await two.open([privilegedPort])
      const answer = await overUdp(query('raw.alice.mesh'), nonePort)
      expect(answer.rcode).toBe('SERVFAIL')
      expect(whyOf(answer)).toContain(`:${privilegedPort} may not be bound by this user.`)
      none.close()
    })
  })

  it('gives no address where somebody else answers on such a port', async () => {
    const everywhere = createServer((socket) => socket.on('error', () => {}).end('somebody else'))
    everywhere.listen(privilegedPort, '0.0.0.0')
    await once(everywhere, 'listening')
    await asNobody(async () => {
      const { proxies: own, port } = await two.open([privilegedPort, rawPort])
      const answer = await overUdp(query('raw.alice.mesh'), port)
      expect(answer.rcode).toBe('SERVFAIL')
      expect(whyOf(answer)).toContain(`:${privilegedPort} is in use by another program.`)
      own.close()
    })
    everywhere.close()
  })
})

describe('the responder', () => {
  it('takes several questions on one connection, in any parts', async () => {
    const all = Buffer.concat(['web.alice.mesh', 'carol.mesh', 'example.com'].map((name) => framed(query(name))))
    const whole = await overTcp(dnsPort, all)
    expect(whole.map(({ rcode }) => rcode).toSorted()).toEqual(['NOERROR', 'NXDOMAIN', 'REFUSED'])
    const bytewise = await overTcp(dnsPort, ...[...all].map((byte) => Buffer.of(byte)))
    expect(bytewise.map(({ rcode }) => rcode).toSorted()).toEqual(['NOERROR', 'NXDOMAIN', 'REFUSED'])
  })

  it('ends a connection that does not speak DNS', async () => {
    expect(await overTcp(dnsPort, Buffer.from('GET / HTTP/1.1\r\nHost: web.alice.mesh\r\n\r\n'))).toEqual([])
    expect(await overTcp(dnsPort, framed(Buffer.alloc(3)))).toEqual([])
    const tooLong = Buffer.alloc(2)
    tooLong.writeUInt16BE(limits.dnsQueryBytes + 1)
    const socket = connect({ host: '127.0.0.1', port: dnsPort })
    socket.on('error', () => {})
    socket.write(tooLong)
    await once(socket, 'close')
  })

  it('answers more questions than it works on at once, and takes no more clients than it may', async () => {
    const many = Array.from({ length: limits.dnsPipelined * 3 }, () => framed(query('web.alice.mesh')))
    expect(await overTcp(dnsPort, Buffer.concat(many))).toHaveLength(many.length)
    const clients = Array.from({ length: limits.dnsConnections }, () => connect({ host: '127.0.0.1', port: dnsPort }))
    await Promise.all(clients.map((client) => once(client, 'connect')))
    for (const client of clients) client.write(framed(query('web.alice.mesh')))
    await Promise.all(clients.map((client) => once(client, 'data')))
    const oneMore = connect({ host: '127.0.0.1', port: dnsPort })
    oneMore.on('error', () => {})
    await once(oneMore, 'close')
    for (const client of clients) client.destroy()
    await vi.waitFor(
      async () => expect(await overTcp(dnsPort, framed(query('web.alice.mesh')))).toHaveLength(1),
      10_000
    )
  })

  it('hears hostile datagrams and goes on', async () => {
    const socket = createSocket('udp4')
    const heard: Buffer[] = []
    socket.on('message', (message) => heard.push(message))
    const good = query('web.alice.mesh')
    const answer = Buffer.from(good)
    answer.writeUInt16BE(0x8180, 2)
    const hostile = [
      Buffer.alloc(0),
      Buffer.alloc(11, 0xff),
      answer,
      Buffer.alloc(limits.dnsQueryBytes + 1),
      ...good
        .map((_, index) => index)
        .slice(12)
        .reduce<Buffer[]>((cuts, end) => [...cuts, good.subarray(0, end)], []),
      Buffer.concat([good, Buffer.alloc(1_000)]),
      Buffer.concat([good.subarray(0, 12), Buffer.of(0xc0, 12, 0, 1, 0, 1)])
    ]
    for (const message of hostile) socket.send(message, dnsPort, '127.0.0.1')
    socket.send(good, dnsPort, '127.0.0.1')
    await vi.waitFor(() => expect(heard.some((message) => decoded(message).answers?.length === 1)).toBe(true), 10_000)
    socket.close()
    for (const message of heard) expect(message.length).toBeLessThanOrEqual(512)
    const errors = heard.filter((message) => (message.readUInt16BE(2) & 0x0f) === 1)
    expect(errors).toHaveLength(hostile.length - 4)
    expect(await addressOf('web.alice.mesh')).toMatch(/^127\./)
  })

  it('answers that too many wait, and no address, where as many wait as may', async () => {
    const each = Array.from({ length: limits.dnsPipelined }, (_, index) =>
      framed(query(index % 2 === 0 ? 'slow.mesh' : 'web.slow.mesh'))
    )
    const waiting = Array.from({ length: limits.dnsQueries / limits.dnsPipelined }, () => overTcp(dnsPort, ...each))
    const refused = await vi.waitFor(async () => {
      const answer = await overUdp(query('web.alice.mesh'))
      expect(answer.rcode).toBe('SERVFAIL')
      return answer
    }, 3_000)
    expect(whyOf(refused)).toContain(`${limits.dnsQueries} questions wait`)
    for (const answers of await Promise.all(waiting)) expect(answers).toHaveLength(limits.dnsPipelined)
    expect(await overUdp(query('web.alice.mesh'))).toMatchObject({ rcode: 'NOERROR' })
  })

  it('works on so many questions of a connection at once and not on one more', async () => {
    const slow = Array.from({ length: limits.dnsPipelined }, () => framed(query('slow.mesh')))
    const quick = framed(query('web.alice.mesh'))
    const [first, last] = await Promise.all([
      overTcp(dnsPort, Buffer.concat([...slow.slice(1), quick])),
      overTcp(dnsPort, Buffer.concat([...slow, quick]))
    ])
    expect(first.map(({ rcode }) => rcode).indexOf('NOERROR')).toBe(0)
    expect(last.map(({ rcode }) => rcode).indexOf('NOERROR')).toBeGreaterThan(0)
  })

  it('has addresses for so many names and not for one more', async () => {
    const { proxies: own, port } = await two.open([rawPort], `${network}.0.0/16`)
    const addresses = new Set<string>()
    for (let index = 0; index < limits.dnsNames; index++)
      addresses.add(await addressOf(`raw.agent-${index}.mesh`, port))
    expect(addresses.size).toBe(limits.dnsNames)
    const oneMore = await overUdp(query('raw.agent-1000.mesh'), port)
    expect(oneMore.rcode).toBe('SERVFAIL')
    expect(whyOf(oneMore)).toContain(`All ${limits.dnsNames} addresses`)
    own.close()
  })

  it('ends a connection on which nothing is said', async () => {
    const lastedMs = await silence
    expect(lastedMs).toBeGreaterThan(limits.dnsIdleMs - 50)
    expect(lastedMs).toBeLessThan(limits.dnsIdleMs * 2)
  })

  it('gives no address on which another program would answer', async () => {
    const everywhere: Server = createServer((socket) => socket.on('error', () => {}).end('somebody else'))
    everywhere.listen(0, '0.0.0.0')
    await once(everywhere, 'listening')
    const bound = everywhere.address()
    const takenPort = bound !== null && typeof bound === 'object' ? bound.port : 0
    const { proxies: own, port } = await two.open([takenPort, rawPort])
    const answer = await overUdp(query('raw.alice.mesh'), port)
    expect(answer).toMatchObject({ rcode: 'SERVFAIL', answers: [] })
    expect(whyOf(answer)).toContain(`:${takenPort} is in use by another program.`)
    everywhere.close()
    await vi.waitFor(async () => expect(await addressOf('raw.alice.mesh', port)).toMatch(/^127\./), 10_000)
    own.close()
  })

  it('moves to another address where a program is on the one that it would take', async () => {
    const { proxies: first, port } = await two.open([rawPort])
    const before = await addressOf('raw.alice.mesh', port)
    const { proxies: second, port: secondPort } = await two.open([rawPort])
    const after = await addressOf('raw.alice.mesh', secondPort)
    expect(after).not.toBe(before)
    for (const address of [before, after]) expect(await talkTo(address, rawPort, 'x')).toBe('x')
    first.close()
    second.close()
  })

  it('takes the address of a name whose clients are gone, and of no other', async () => {
    let nowMs = 0
    const { proxies: own, port } = await two.open([rawPort], `${range.slice(0, -'0/24'.length)}128/30`, () => nowMs)
    const raw = await addressOf('raw.alice.mesh', port)
    const web = await addressOf('web.alice.mesh', port)
    expect(raw).not.toBe(web)
    const answer = await overUdp(query('alice.mesh'), port)
    expect(answer.rcode).toBe('SERVFAIL')
    expect(whyOf(answer)).toContain('All 2 addresses of')
    const socket = connect({ host: raw, port: rawPort })
    socket.write('x')
    await once(socket, 'data')
    nowMs += limits.dnsKeepMs
    expect(await addressOf('alice.mesh', port)).toBe(web)
    expect(await talkTo(web, 8_080, 'GET / HTTP/1.0\r\n\r\n')).toContain('alice')
    expect(await overUdp(query('web.alice.mesh'), port)).toMatchObject({ rcode: 'SERVFAIL' })
    socket.destroy()
    await vi.waitFor(async () => expect(await addressOf('web.alice.mesh', port)).toBe(raw), 10_000)
    await expect(talkTo(raw, rawPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    own.close()
  })

  it('takes its addresses with it, and lets tunnels go on', async () => {
    const { proxies: own, port } = await two.open([rawPort])
    const address = await addressOf('raw.alice.mesh', port)
    const socket = connect({ host: address, port: rawPort })
    socket.write('before')
    await once(socket, 'data')
    const [status] = own.list()
    expect(status).toMatchObject({ openConnections: 1, totalConnections: 1 })
    own.close()
    await expect(talkTo(address, rawPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    socket.end(' and after')
    expect(await text(socket)).toBe(' and after')
  })

  it('is not opened on a unix socket, nor where other machines reach it', async () => {
    const unix = proxies.add({ kind: 'dns', listen: { type: 'unix', path: '/tmp/x.sock' } })
    await expect(unix).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
    const remote = proxies.add({ kind: 'dns', listen: { type: 'tcp', host: '0.0.0.0', port: 0 } })
    await expect(remote).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
    const taken = proxies.add({ kind: 'dns', listen: { type: 'tcp', host: '127.0.0.1', port: dnsPort } })
    await expect(taken).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
  })
})
