import { describe, expect, it } from 'vitest'
import { chunked, refusedForService } from '@agent-mesh/testkit/hostile'
import { limits, MeshError } from '@agent-mesh/wire'
import { RequestFilter, type SentRequest } from '../../src/upstream/http/request-filter.ts'

const identity = [{ name: 'Mesh-Peer-Id', value: '12D3KooWCaller' }]

interface Outcome {
  text: string
  sent: SentRequest[]
  isHeld: boolean
}

/** What comes out of a filter for these pieces. */
const run = (...pieces: string[]): Outcome => {
  const sent: SentRequest[] = []
  const filter = new RequestFilter({ identity: () => identity, onRequest: (request) => void sent.push(request) })
  const out = pieces.flatMap((piece) => filter.push(Buffer.from(piece, 'latin1')))
  return { text: Buffer.concat(out).toString('latin1'), sent, isHeld: filter.isHeld }
}

const stamped = (head: string): string => `${head}Mesh-Peer-Id: 12D3KooWCaller\r\n\r\n`

const get = 'GET /a?b=c HTTP/1.1\r\nHost: agent.mesh\r\nX-Odd-Case:  two  spaces \r\n'

describe('a request on its way to a service', () => {
  it('gets the fields that say who calls, behind its own in their order and spelling', () => {
    expect(run(`${get}\r\n`).text).toBe(
      stamped('GET /a?b=c HTTP/1.1\r\nHost: agent.mesh\r\nX-Odd-Case: two  spaces\r\n')
    )
  })

  it.each([
    'Mesh-Peer-Id: forged',
    'mesh-peer-id: forged',
    'MESH-PEER-NAME: forged',
    'Mesh_Peer_Id: forged',
    'mesh-anything: forged',
    'Forwarded: for=forged'
  ])('loses what the client wrote under their names: %s', (line) => {
    const { text } = run(`GET / HTTP/1.1\r\nHost: a\r\n${line}\r\nAccept: */*\r\n\r\n`)
    expect(text).toBe(stamped('GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n'))
  })

  it('loses them among its trailers too, and keeps the others', () => {
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, mesh-peer-id\r\n'
    const { text } = run(`${head}\r\n3;ext=1\r\nabc\r\n0\r\nX-Sum: 7\r\nMesh-Peer-Id: forged\r\n\r\n`)
    expect(text).toBe(`${stamped(head)}3;ext=1\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n`)
  })

  it('is stamped each time on a connection that is kept', () => {
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n'
    const { text, sent } = run(`${post}\r\nhello${post}\r\nagain${get}\r\n`)
    expect(text.match(/Mesh-Peer-Id: 12D3KooWCaller/g)).toHaveLength(3)
    expect(text.startsWith(`${stamped(post)}hello`)).toBe(true)
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET'])
  })

  it('in the body of another one is part of that body', () => {
    const forged = 'GET /admin HTTP/1.1\r\nHost: a\r\nMesh-Peer-Id: forged\r\n\r\n'
    const { text, sent } = run(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${forged.length}\r\n\r\n${forged}`)
    expect(text.endsWith(forged)).toBe(true)
    expect(sent).toHaveLength(1)
  })

  it('that may switch the protocol holds back what follows until the service has answered', () => {
    const sent: SentRequest[] = []
    const filter = new RequestFilter({ identity: () => identity, onRequest: (request) => void sent.push(request) })
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    const smuggled = 'GET / HTTP/1.1\r\nHost: a\r\nMesh-Peer-Id: forged\r\n\r\n'
    const first = Buffer.concat(filter.push(Buffer.from(`${upgrade}\r\n${smuggled}`))).toString()
    expect(first).toBe(stamped(upgrade))
    expect(filter.isHeld).toBe(true)
    const refused = Buffer.concat(filter.release(false)).toString()
    expect(refused).toBe(stamped('GET / HTTP/1.1\r\nHost: a\r\n'))
    expect(sent.map(({ isSwitch }) => isSwitch)).toEqual([true, false])
  })

  it('that has switched is bytes from then on', () => {
    const filter = new RequestFilter({ identity: () => identity, onRequest: () => {} })
    filter.push(Buffer.from('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'))
    filter.push(Buffer.from([0x81, 0x00]))
    expect(Buffer.concat(filter.release(true))).toEqual(Buffer.from([0x81, 0x00]))
    expect(Buffer.concat(filter.push(Buffer.from('GET not http\n\n'))).toString()).toBe('GET not http\n\n')
  })

  it('that offers h2c is not upgraded: its further requests could not be stamped', () => {
    const { text, isHeld } = run(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
    )
    expect(text).not.toMatch(/^(?:upgrade|http2-settings):/im)
    expect(isHeld).toBe(false)
  })

  it('of HTTP/1.0 needs no Host', () => {
    expect(run('GET / HTTP/1.0\r\n\r\n').text).toBe(stamped('GET / HTTP/1.0\r\n'))
  })

  it('comes out the same however its bytes were split', () => {
    const all =
      `\r\n${get}\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nMesh-A: b\r\n\r\n` +
      `4\r\nwiki\r\na;x="y"\r\n0123456789\r\n0\r\nMesh-T: x\r\nA: b\r\n\r\n` +
      `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world${get}\r\n`
    const whole = run(all)
    expect(run(...all.split('')).text).toBe(whole.text)
    for (let at = 1; at < all.length; at++) {
      const { text, sent } = run(all.slice(0, at), all.slice(at))
      expect(text).toBe(whole.text)
      expect(sent).toEqual(whole.sent)
    }
  })
})

describe('a request that is refused', () => {
  it.each(refusedForService)('%s', (_, bytes) => {
    expect(() => run(bytes)).toThrow(MeshError)
    expect(() => run(...bytes.split(''))).toThrow(MeshError)
  })

  it.each([
    ['head', '', 'GET / HTTP/1.1\r\nHost: a\r\nX: ', '\r\n\r\n', limits.httpHeadBytes],
    ['line between chunks', chunked, '1;', '\r\n', limits.httpLineBytes]
  ])('has one byte too many in its %s', (_, before, start, end, most) => {
    const filling = 'x'.repeat(most - start.length)
    expect(() => run(before, start, filling, end)).not.toThrow()
    expect(() => run(before, start, `${filling}x`, end)).toThrow(/bytes/)
    expect(() => run(before, `${start}${filling}x${end}`)).toThrow(/bytes/)
  })

  it('has one field too many', () => {
    const most = 'A: b\r\n'.repeat(limits.httpFields - 1)
    expect(() => run(`GET / HTTP/1.1\r\nHost: a\r\n${most}\r\n`)).not.toThrow()
    expect(() => run(`GET / HTTP/1.1\r\nHost: a\r\n${most}A: b\r\n\r\n`)).toThrow(/fields/)
  })
})
