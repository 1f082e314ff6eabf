import { Resolver } from 'node:dns'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, type Proxies } from '@agent-mesh/data-plane'
import { limits } from '@agent-mesh/wire'
import { framed, overTcp, overUdp as askOverUdp, query, whyOf } from './dns-client.ts'
import { addressOf as askAddress, range, startDnsPair, talkTo, type DnsPair } from './dns-pair.ts'

let two: DnsPair
let proxies: Proxies
let dnsPort = 0
let rawPort = 0

beforeAll(async () => {
  two = await startDnsPair()
  ;({ rawPort } = two)
  ;({ proxies, port: dnsPort } = await two.open([rawPort]))
})
afterAll(async () => {
  proxies.close()
  await two.stop()
})

const addressOf = async (host: string, port = dnsPort): Promise<string> => askAddress(host, port)

const overUdp = async (message: Buffer, port = dnsPort): ReturnType<typeof askOverUdp> => askOverUdp(port, message)

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
    const resolver = new Resolver()
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
    const { proxies: own, port } = await two.open([rawPort])
    try {
      two.callee.plane.addService(makeService('passing', two.echoing.address))
      const address = await addressOf('passing.alice.mesh', port)
      expect(await talkTo(address, rawPort, 'x')).toBe('x')
      two.callee.plane.addService(makeService('passing', two.answering.address.replace('tcp:', 'http:')), {
        replace: true
      })
      await vi.waitFor(async () => {
        expect(await addressOf('passing.alice.mesh', port)).toBe(address)
        expect(await talkTo(address, 8_080, 'GET / HTTP/1.0\r\n\r\n')).toContain('alice')
      }, 10_000)
      await expect(talkTo(address, rawPort, 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      two.callee.plane.removeService('passing')
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

  it('say how long they may be taken for granted', async () => {
    const found = await overUdp(query('web.alice.mesh'))
    expect(found.answers).toMatchObject([{ ttl: limits.dnsTtlMs / 1_000 }])
    const nobody = await overUdp(query('carol.mesh'))
    const seconds = limits.dnsNegativeTtlMs / 1_000
    expect(nobody.authorities).toMatchObject([{ ttl: seconds, data: { minimum: seconds } }])
    expect(limits.dnsKeepMs).toBeGreaterThan(limits.dnsTtlMs)
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
    expect(two.slowLookups).toHaveLength(1)
  })
})
