import { createSocket } from 'node:dgram'
import { Resolver as CallbackResolver } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createProxies, makeService, parseLoopbackRange, type DnsBook, type Proxies } from '@agent-mesh/data-plane'
import { limits, MeshError } from '@agent-mesh/wire'
import { listen, portOf, startPair, type Pair } from '../../libp2p-pair.ts'
import { echo, startService, type TestService } from '../../servers.ts'
import { decoded } from './decoded.ts'
import { framed, overTcp, overUdp as askOverUdp, query, whyOf } from './dns-client.ts'

let pair: Pair
let proxies: Proxies
let dnsPort = 0
/** Free on 127.0.0.1 a moment ago, and so most likely on the addresses of names. */
let rawPort = 0
let takenPort = 0
const services: TestService[] = []
const range = `127.${100 + (process.pid % 100)}.${process.pid % 256}.0/24`

const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

/** `alice` is the callee, `slow` is never found, and `broken` cannot be looked up. */
const book = (): DnsBook => ({
  pathsInUse: () => ['language_processing/translation', 'vision/ocr', 'x-acme/ocr', 'x-acme/busy'],
  learn: async () => undefined,
  servicesOf: async (agent, { signal }) => {
    if (agent.kind === 'name' && agent.name === 'alice') return pair.callee.plane.listServices()
    if (agent.kind === 'name' && agent.name === 'slow') {
      await once(signal, 'abort')
      throw new MeshError('TIMEOUT', 'The lookup took too long.')
    }
    if (agent.kind === 'name' && agent.name === 'broken')
      throw new MeshError('NAME_CONFLICT', '2 members hold a certificate for "broken".')
    throw new MeshError('NAME_UNKNOWN', 'No member of this name is known.')
  },
  answering: async (capability) => {
    if (capability === 'x-acme/busy') throw new MeshError('UNREACHABLE', 'None of 1 agents can be used.')
    if (capability !== 'language_processing/translation') throw new MeshError('NOT_FOUND', 'Nobody offers it.')
    return pair.callee.plane.listServices().filter(({ name }) => name === 'web')
  }
})

const open = async (
  extraPorts: number[],
  addresses = range,
  now?: () => number
): Promise<{ proxies: Proxies; port: number }> => {
  const { answering, ...names } = book()
  const opened = createProxies({
    openTarget: pair.caller.plane.openTarget,
    names,
    dns: { answering, extraPorts, range: parseLoopbackRange(addresses), salt: 'test', now }
  })
  const { listen: bound } = await opened.add({ kind: 'dns', listen: { type: 'tcp', host: '127.0.0.1', port: 0 } })
  return { proxies: opened, port: portOf(bound) }
}

beforeAll(async () => {
  pair = await startPair({
    resolver: (standard) => ({
      resolve: async (target, options) => {
        if (target.kind !== 'capability') return standard.resolve(target, options)
        const candidates = await standard.resolve({ kind: 'name', name: 'alice', service: 'web' }, options)
        return candidates.map((one) => ({ ...one, service: 'web' }))
      }
    })
  })
  const echoing = await startService(echo)
  const answering = await startService((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nalice'))
  })
  services.push(echoing, answering)
  pair.callee.plane.addService(makeService('raw', echoing.address))
  pair.callee.plane.addService(makeService('web', answering.address.replace('tcp:', 'http:')))
  rawPort = await freePort()
  ;({ proxies, port: dnsPort } = await open([rawPort]))
})
afterAll(async () => {
  proxies.close()
  await pair.stop()
  for (const service of services) service.stop()
})

const resolverOf = (port: number): Resolver => {
  const resolver = new Resolver({ timeout: 6_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  return resolver
}

const addressOf = async (host: string, port = dnsPort): Promise<string> => {
  const [address = ''] = await resolverOf(port).resolve4(host)
  return address
}

const overUdp = async (message: Buffer, port = dnsPort): ReturnType<typeof askOverUdp> => askOverUdp(port, message)

const talkTo = async (host: string, port: number, said: string): Promise<string> => {
  const socket = connect({ host, port })
  socket.end(said)
  return text(socket)
}

describe('names by DNS', () => {
  it('lead to their service over an address of their own', async () => {
    const [raw, web] = [await addressOf('raw.alice.mesh'), await addressOf('web.alice.mesh')]
    expect(raw).not.toBe(web)
    for (const address of [raw, web]) expect(address.startsWith(range.slice(0, -'0/24'.length))).toBe(true)
    expect(await talkTo(raw, rawPort, 'hello')).toBe('hello')
    expect(await talkTo(web, 8_080, 'GET / HTTP/1.0\r\n\r\n')).toContain('alice')
    expect(await addressOf('RAW.Alice.MESH')).toBe(raw)
    expect(await addressOf('raw.alice.mesh.')).toBe(raw)
  })

  it('are found by programs that know no proxy', async () => {
    const resolver = new CallbackResolver()
    resolver.setServers([`127.0.0.1:${dnsPort}`])
    const asking = request({
      host: 'translation.cap.mesh',
      port: 8_080,
      lookup: (host, _options, done) => {
        resolver.resolve4(host, (err, found) =>
          done(
            err,
            found.map((address) => ({ address, family: 4 }))
          )
        )
      }
    })
    asking.end()
    const [response] = await once(asking, 'response')
    expect(await text(response)).toBe('alice')
  })

  it('without a service lead where the rules say, on no other port', async () => {
    const address = await addressOf('alice.mesh')
    expect(await talkTo(address, 8_080, 'GET / HTTP/1.0\r\n\r\n')).toContain('alice')
    await expect(talkTo(address, rawPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('follow the services of their agent', async () => {
    const { proxies: own, port } = await open([rawPort])
    try {
      pair.callee.plane.addService(makeService('passing', services[0]?.address ?? ''))
      const address = await addressOf('passing.alice.mesh', port)
      expect(await talkTo(address, rawPort, 'x')).toBe('x')
      pair.callee.plane.addService(makeService('passing', services[1]?.address.replace('tcp:', 'http:') ?? ''), {
        replace: true
      })
      await vi.waitFor(async () => {
        expect(await addressOf('passing.alice.mesh', port)).toBe(address)
        expect(await talkTo(address, 8_080, 'GET / HTTP/1.0\r\n\r\n')).toContain('alice')
      }, 10_000)
      await expect(talkTo(address, rawPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      pair.callee.plane.removeService('passing')
      await vi.waitFor(async () => {
        expect(await overUdp(query('passing.alice.mesh'), port)).toMatchObject({ rcode: 'NXDOMAIN' })
      }, 10_000)
    } finally {
      own.close()
    }
  })

  it.each<[string, string, 'A' | 'AAAA' | 'SOA' | 'TXT' | 'AXFR' | 'ANY', string, number]>([
    ['an address', 'web.alice.mesh', 'A', 'NOERROR', 1],
    ['anything', 'web.alice.mesh', 'ANY', 'NOERROR', 1],
    ['an IPv6 address', 'web.alice.mesh', 'AAAA', 'NOERROR', 0],
    ['a text', 'web.alice.mesh', 'TXT', 'NOERROR', 0],
    ['the suffix itself', 'mesh', 'A', 'NOERROR', 0],
    ['the start of authority', 'Mesh', 'SOA', 'NOERROR', 1],
    ['the end of all capabilities', 'cap.mesh', 'A', 'NOERROR', 0],
    ['a member that is not known', 'carol.mesh', 'A', 'NXDOMAIN', 0],
    ['an IPv6 address of such a one', 'carol.mesh', 'AAAA', 'NXDOMAIN', 0],
    ['a service that there is not', 'nothing.alice.mesh', 'A', 'NXDOMAIN', 0],
    ['a name that is none', '_http._tcp.alice.mesh', 'A', 'NXDOMAIN', 0],
    ['a capability that nobody offers', 'ocr.vision.cap.mesh', 'A', 'NXDOMAIN', 0],
    ['a capability that may be two', 'ocr.cap.mesh', 'A', 'SERVFAIL', 0],
    ['a capability whose agents cannot be used', 'busy.cap.mesh', 'A', 'SERVFAIL', 0],
    ['a name that two members have', 'broken.mesh', 'A', 'SERVFAIL', 0],
    ['a name outside', 'example.com', 'A', 'REFUSED', 0],
    ['a name that only looks like one', 'alicemesh', 'A', 'REFUSED', 0],
    ['the root', '.', 'A', 'REFUSED', 0],
    ['all names', 'mesh', 'AXFR', 'REFUSED', 0]
  ])('that asks for %s is answered as it should', async (_what, name, type, rcode, count) => {
    const message = query(name, type)
    const answers = [await overUdp(message), ...(await overTcp(dnsPort, framed(message)))]
    expect(answers).toHaveLength(2)
    for (const answer of answers) {
      expect(answer).toMatchObject({ rcode, flag_tc: false, flag_ra: false, id: 77 })
      expect(answer.answers).toHaveLength(count)
      const isNothing = (rcode === 'NOERROR' || rcode === 'NXDOMAIN') && count === 0
      expect(answer.authorities?.map(({ type: one }) => one)).toEqual(isNothing ? ['SOA'] : [])
    }
  })

  it('that fail say why', async () => {
    expect(whyOf(await overUdp(query('broken.mesh')))).toBe('0 2 members hold a certificate for "broken".')
    expect(whyOf(await overUdp(query('ocr.cap.mesh')))).toContain('0 "ocr" may be any of vision/ocr, x-acme/ocr')
    expect(whyOf(await overUdp(query('busy.cap.mesh')))).toBe('22 None of 1 agents can be used.')
    expect(whyOf(await overUdp(query('carol.mesh')))).toContain('No member')
    expect(whyOf(await overUdp(query('example.com')))).toContain('20 Only names that end in .mesh')
    const [own] = proxies.list()
    expect(own).toMatchObject({ kind: 'dns', lastError: { code: 'UNREACHABLE' } })
  })

  it('that are not found in time fail, and one that is asked for again waits for the same lookup', async () => {
    const startedMs = performance.now()
    const answers = await Promise.all([overUdp(query('slow.mesh')), overUdp(query('slow.mesh', 'AAAA'))])
    expect(performance.now() - startedMs).toBeGreaterThan(limits.dnsAnswerMs - 50)
    for (const answer of answers) {
      expect(answer.rcode).toBe('SERVFAIL')
      expect(whyOf(answer)).toContain('22 "slow.mesh" was not found within')
    }
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

  it('gives no address on which another program would answer', async () => {
    const everywhere: Server = createServer((socket) => socket.end('somebody else'))
    everywhere.listen(0, '0.0.0.0')
    await once(everywhere, 'listening')
    const bound = everywhere.address()
    takenPort = bound !== null && typeof bound === 'object' ? bound.port : 0
    const { proxies: own, port } = await open([takenPort])
    const answer = await overUdp(query('raw.alice.mesh'), port)
    expect(answer).toMatchObject({ rcode: 'SERVFAIL', answers: [] })
    expect(whyOf(answer)).toContain(`:${takenPort} is in use by another program.`)
    everywhere.close()
    await vi.waitFor(async () => expect(await addressOf('raw.alice.mesh', port)).toMatch(/^127\./), 10_000)
    own.close()
  })

  it('moves to another address where a program is on the one that it would take', async () => {
    const { proxies: first, port } = await open([rawPort])
    const before = await addressOf('raw.alice.mesh', port)
    const { proxies: second, port: secondPort } = await open([rawPort])
    const after = await addressOf('raw.alice.mesh', secondPort)
    expect(after).not.toBe(before)
    for (const address of [before, after]) expect(await talkTo(address, rawPort, 'x')).toBe('x')
    first.close()
    second.close()
  })

  it('takes the address of a name whose clients are gone, and of no other', async () => {
    let nowMs = 0
    const { proxies: own, port } = await open([rawPort], `${range.slice(0, -'0/24'.length)}128/30`, () => nowMs)
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
    const { proxies: own, port } = await open([rawPort])
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
