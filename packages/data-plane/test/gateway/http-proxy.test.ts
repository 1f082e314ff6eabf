import { once } from 'node:events'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { digestOf } from '../servers.ts'
import { big, headerOf, origin, seen, startHttpPair, type Raw } from './http-pair.ts'
import { talk, type ProxyPair } from './proxy-pair.ts'

let two: ProxyPair
let port = 0
let raw: Raw

beforeAll(async () => {
  ;({ two, port, raw } = await startHttpPair())
})

const get = async (path: string, headers = ''): Promise<string> =>
  raw(`GET http://web.alice.mesh${path} HTTP/1.1\r\nHost: web.alice.mesh\r\n${headers}Connection: close\r\n\r\n`)

describe('the HTTP proxy, asked in absolute form,', () => {
  it('says who served, and which way it went', async () => {
    const answer = await get('/plain?a=1;b=%2f')
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer).toContain('alice /plain?a=1;b=%2f')
    const [servedBy] = headerOf(answer, 'Mesh-Served-By')
    expect(servedBy).toBe(`"${two.pair.candidate.peerId.toString()}";name="callee";service="web"`)
    expect(headerOf(answer, 'Via')).toEqual(['1.1 mesh-node'])
  })

  it('sends the head on as it came, but for what ends at a proxy and what only a node may say', async () => {
    seen.list = []
    await raw(
      [
        'GET http://web.alice.mesh:80/x HTTP/1.1',
        'Host: elsewhere.example',
        'X-Odd-CASE: ü',
        'Accept: a',
        'accept: b',
        'Mesh-Peer-Id: forged',
        'MESH_PEER_NAME: forged',
        'mesh-peer-groups: forged',
        'Proxy-Authorization: Basic secret',
        'Proxy-Connection: keep-alive',
        'Keep-Alive: 3',
        'X-Named: gone',
        'Via: 1.0 fred',
        'TE: trailers, deflate',
        'Connection: close, x-named, host, content-length',
        '',
        ''
      ].join('\r\n')
    )
    expect(seen.list[0]?.rawHeaders).toEqual([
      'Host',
      'web.alice.mesh:80',
      'X-Odd-CASE',
      'ü',
      'Accept',
      'a',
      'accept',
      'b',
      'Via',
      '1.0 fred',
      'Via',
      '1.1 mesh-node',
      'TE',
      'trailers',
      'Connection',
      'keep-alive, TE'
    ])
  })

  it('sends the answer on as it came, but for what ends at a proxy', async () => {
    const answer = await get('/hops')
    expect(headerOf(answer, 'Set-Cookie')).toEqual(['a=1', 'b=2'])
    expect(answer).not.toMatch(/x-secret|proxy-authenticate|forged/i)
    expect(answer.endsWith('ok')).toBe(true)
  })

  it('keeps the connection, and chooses anew for each request', async () => {
    const { socket, until, end } = await talk(port)
    for (const [i, host] of ['web.alice.mesh', 'alice.mesh', 'WEB.Alice.MESH.', 'translation.cap.mesh'].entries()) {
      socket.write(`GET http://${host}/n${i} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      await until((heard) => heard.includes(`alice /n${i}`))
    }
    socket.write('GET http://nobody.mesh/ HTTP/1.1\r\nHost: nobody.mesh\r\n\r\n')
    await until((heard) => heard.includes('NAME_UNKNOWN'))
    socket.write('GET http://web.alice.mesh/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect((await end).toString()).toContain('alice /last')
    socket.destroy()
  })

  it('uses a tunnel again', async () => {
    await get('/warm')
    const before = seen.connections
    for (let i = 0; i < 5; i++) await get('/again')
    expect(seen.connections).toBe(before)
  })

  it('asks again on another tunnel where a used one turned out to be closed, unless that might do a thing twice', async () => {
    await get('/warm')
    const tunnels = two.pair.caller.plane.tunnels.size
    expect(tunnels).toBeGreaterThan(0)
    origin.closeIdleConnections()
    expect(await get('/after')).toContain('alice /after')
    expect(
      await raw(
        'POST http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'
      )
    ).toContain('POST 2 ')
  })

  it.each(['GET', 'DELETE', 'PUT', 'POST', 'PATCH', 'PROPFIND'])('%s with a body carries it', async (method) => {
    const answer = await raw(
      `${method} http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`
    )
    expect(answer).toContain(`${method} ${digestOf(Buffer.from('hello'))}`)
  })

  it('POST without a body gets none', async () => {
    const answer = await raw('POST http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(answer).toContain(`POST ${digestOf(Buffer.alloc(0))}`)
    expect(seen.list.at(-1)?.headers).toMatchObject({ 'content-length': '0' })
  })

  it('carries chunks and trailers there, without those that no trailer may be', async () => {
    const answer = await raw(
      'POST http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\nConnection: close\r\n\r\n' +
        '3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-End: yes\r\nMesh-Peer-Id: forged\r\nAuthorization: no\r\n\r\n'
    )
    expect(answer).toContain(`POST ${digestOf(Buffer.from('abcde'))}`)
    expect(headerOf(answer, 'X-Trailers')).toEqual(['["X-End","yes"]'])
  })

  it('carries chunks and trailers back', async () => {
    const answer = await get('/trailers', 'TE: trailers\r\n')
    expect(answer).toMatch(/\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n$/)
  })

  it('HEAD, 204 and 304 have no body, whatever their head says', async () => {
    const head = await raw('HEAD http://web.alice.mesh/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(headerOf(head, 'Content-Length')).toEqual([String(big.length)])
    expect(head.endsWith('\r\n\r\n')).toBe(true)
    const none = await get('/none')
    expect(none).toMatch(/^HTTP\/1\.1 204 [^]*X-A: 1\r\nX-a: 2\r\n[^]*\r\n\r\n$/)
    const same = await get('/same')
    expect(same).toMatch(/^HTTP\/1\.1 304 /)
    expect(headerOf(same, 'Content-Length')).toEqual(['77'])
  })

  it('a client that asks first is told to continue by the service, and not before', async () => {
    const head = 'Host: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n'
    const yes = await raw(`PUT http://web.alice.mesh/echo HTTP/1.1\r\n${head}`, 'data')
    expect(yes).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
    expect(yes).toContain(`PUT ${digestOf(Buffer.from('data'))}`)
    const no = await raw(`PUT http://web.alice.mesh/no HTTP/1.1\r\n${head}`)
    expect(no).toMatch(/^HTTP\/1\.1 417 /)
    expect(headerOf(no, 'Connection')).toEqual(['close'])
  })

  it('early hints pass', async () => {
    expect(await get('/hints')).toMatch(/^HTTP\/1\.1 103 [^]*style\.css[^]*HTTP\/1\.1 200 OK[^]*after hints/)
  })

  it('HTTP/1.0 clients get an answer without chunks', async () => {
    const answer = await raw('GET http://web.alice.mesh/trailers HTTP/1.0\r\n\r\n')
    expect(answer).toMatch(/\r\n\r\nbody$/)
  })

  it('8 MiB come down and go up byte for byte', async () => {
    const down = await talk(port)
    down.socket.write('GET http://web.alice.mesh/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const all = await down.end
    expect(digestOf(all.subarray(all.indexOf('\r\n\r\n') + 4))).toBe(digestOf(big))
    const up = await talk(port)
    up.socket.write(
      `PUT http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${big.length}\r\nConnection: close\r\n\r\n`
    )
    up.socket.write(big)
    expect((await up.end).toString()).toContain(`PUT ${digestOf(big)}`)
    up.socket.destroy()
    down.socket.destroy()
  })

  it('an answer that is cut is cut for the client too', async () => {
    const { socket, until } = await talk(port)
    const closed = once(socket, 'close').catch(() => [])
    socket.write('GET http://web.alice.mesh/cut HTTP/1.1\r\nHost: x\r\n\r\n')
    await until((heard) => heard.includes('half'))
    socket.end()
    await closed
  })

  it('a client that leaves takes its request with it', async () => {
    seen.list = []
    const { socket } = await talk(port)
    socket.write('PUT http://web.alice.mesh/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome')
    await vi.waitFor(() => expect(seen.list).toHaveLength(1))
    socket.destroy()
    await vi.waitFor(() => expect(seen.list[0]).toMatchObject({ destroyed: true, complete: false }))
  })

  it('a change of protocol joins both sides', async () => {
    const { socket, until } = await talk(port)
    socket.write(
      'GET http://web.alice.mesh/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nMesh-Peer-Id: forged\r\n\r\nearly '
    )
    const answer = (await until((heard) => heard.includes('hello early'))).toString()
    expect(answer).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    expect(headerOf(answer, 'Upgrade')).toEqual(['echo'])
    expect(headerOf(answer, 'X-Origin')).toEqual(['alice'])
    expect(headerOf(answer, 'Mesh-Served-By')).toHaveLength(1)
    expect(JSON.stringify(seen.list.at(-1)?.rawHeaders)).not.toContain('forged')
    socket.write('later')
    await until((heard) => heard.includes('later'))
    socket.destroy()
  })

  it('a change to h2c is not passed on, and the request is answered', async () => {
    const answer = await raw(
      'GET http://web.alice.mesh/h2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'
    )
    expect(answer).toContain('alice /h2')
    expect(seen.list.at(-1)?.headers).not.toHaveProperty('upgrade')
    expect(seen.list.at(-1)?.headers).not.toHaveProperty('http2-settings')
  })

  it.each<[string, string, number, string, string]>([
    ['an unknown name', 'http://nobody.mesh/', 502, 'dns_error', 'NAME_UNKNOWN'],
    ['an unknown skill', 'http://juggling.cap.mesh/', 502, 'dns_error', 'NOT_FOUND'],
    ['a skill that may be several', 'http://ocr.cap.mesh/', 400, 'http_request_error', 'CAPABILITY_AMBIGUOUS'],
    ['an unknown service', 'http://nothing.alice.mesh/', 502, 'destination_not_found', 'SERVICE_UNKNOWN'],
    ['a service that refuses', 'http://gone.alice.mesh/', 502, 'connection_refused', 'UPSTREAM_REFUSED'],
    ['a service that speaks no HTTP', 'http://ssh.alice.mesh/', 502, 'http_protocol_error', 'TUNNEL_RESET'],
    ['a name that is none', 'http://cap.mesh/', 400, 'http_request_error', 'TARGET_INVALID'],
    ['a name outside', 'http://example.com/', 403, 'http_request_denied', 'NAME_OUTSIDE'],
    ['this machine', 'http://127.0.0.1/', 403, 'http_request_denied', 'NAME_OUTSIDE']
  ])('%s is answered with its layer', async (_what, url, status, type, code) => {
    const answer = await raw(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    const [proxyStatus = ''] = headerOf(answer, 'Proxy-Status')
    expect(proxyStatus).toMatch(
      new RegExp(`^mesh-node; error=${type}; (?:rcode="NXDOMAIN"; )?details="[a-z]+: ${code}: `)
    )
    expect(headerOf(answer, 'Content-Type')).toEqual(['application/problem+json'])
    const problem: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
    expect(problem).toMatchObject({ status, code, hint: expect.stringMatching(/\S/) })
  })

  it('speaks plain text to whoever asks for that', async () => {
    const answer = await raw(
      'GET http://nobody.mesh/ HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\nConnection: close\r\n\r\n'
    )
    expect(headerOf(answer, 'Content-Type')).toEqual(['text/plain; charset=utf-8'])
    expect(answer).toMatch(/\r\n\r\nmesh-node: .*\n {2}layer: route \(NAME_UNKNOWN\)\n {2}next: /)
  })
})
