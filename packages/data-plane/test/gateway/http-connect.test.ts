import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import { headerOf, startHttpPair, type Raw } from './http-pair.ts'
import { talk, type ProxyPair } from './proxy-pair.ts'

let two: ProxyPair
let port = 0
let raw: Raw

beforeAll(async () => {
  ;({ two, port, raw } = await startHttpPair())
})

describe('CONNECT', () => {
  it('carries bytes both ways, early ones and the end of one direction included', async () => {
    const { socket, end } = await talk(port)
    socket.end('CONNECT raw.alice.mesh:7 HTTP/1.1\r\nHost: raw.alice.mesh:7\r\n\r\nearly and all')
    const heard = (await end).toString()
    expect(heard).toMatch(/^HTTP\/1\.1 200 Connection Established\r\nMesh-Served-By: "12D3[^]*\r\n\r\nearly and all$/)
    socket.destroy()
  })

  it.each<[string, string, number, string]>([
    ['no port', 'raw.alice.mesh', 400, 'USAGE'],
    ['a path', 'raw.alice.mesh:7/x', 400, 'USAGE'],
    ['a user', 'me@raw.alice.mesh:7', 400, 'USAGE'],
    ['an unknown name', 'nobody.mesh:80', 502, 'NAME_UNKNOWN'],
    ['a name outside', 'example.com:443', 403, 'NAME_OUTSIDE'],
    ['an address of this machine', '127.0.0.1:22', 403, 'NAME_OUTSIDE'],
    ['an address of this machine in IPv6', '[::1]:22', 403, 'NAME_OUTSIDE'],
    ['a port that names no service', 'alice.mesh:9999', 400, 'TARGET_INVALID'],
    ['a service that refuses', 'gone.alice.mesh:80', 502, 'UPSTREAM_REFUSED']
  ])('with %s is refused', async (_what, authority, status, code) => {
    const answer = await raw(`CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*${code}`))
  })

  it('by port finds the http service', async () => {
    const answer = await raw(
      'CONNECT alice.mesh:80 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /inside HTTP/1.1\r\nHost: alice.mesh\r\nConnection: close\r\n\r\n'
    )
    expect(answer).toContain('alice /inside')
  })
})

const dnsDomainIs = (host: string, domain: string): boolean => host.endsWith(domain)

describe('the proxy itself', () => {
  it('serves its configuration to browsers, which goes for names of the mesh alone', async () => {
    const answer = await raw(`GET /proxy.pac HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)
    expect(headerOf(answer, 'Content-Type')).toEqual(['application/x-ns-proxy-autoconfig'])
    const script = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    const find = (url: string, host: string): unknown =>
      runInNewContext(`${script}; FindProxyForURL(url, host)`, { dnsDomainIs, url, host })
    expect(find('http://alice.mesh/', 'alice.mesh')).toBe(`PROXY 127.0.0.1:${port}`)
    expect(find('http://alice.mesh./', 'Alice.Mesh.')).toBe(`PROXY 127.0.0.1:${port}`)
    expect(find('http://alicemesh/', 'alicemesh')).toBe('DIRECT')
    expect(find('http://example.com/', 'mesh.example.com')).toBe('DIRECT')
  })

  it('does not serve it under a foreign name', async () => {
    expect(await raw('GET /proxy.pac HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 403 /
    )
  })

  it('helps whoever takes it for a server', async () => {
    const answer = await raw(`GET / HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*This is a proxy/)
    expect(answer).toContain(`http://127.0.0.1:${port}/proxy.pac`)
  })

  it('answers the last hop by itself', async () => {
    const answer = await raw(
      'OPTIONS http://web.alice.mesh/ HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n'
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(headerOf(answer, 'Mesh-Served-By')).toEqual([])
  })

  it('listens on a unix socket too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'proxy-'))
    const path = join(dir, 'http.sock')
    await two.proxies.add({ kind: 'http', listen: { type: 'unix', path } })
    const client = connect({ path })
    client.write('GET http://web.alice.mesh/unix HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let heard = ''
    for await (const part of client) heard += String(part)
    expect(heard).toContain('alice /unix')
    expect(two.proxies.remove(`unix:${path}`)).toMatchObject({ kind: 'http', totalConnections: 1 })
    await rm(dir, { recursive: true })
  })

  it('binds no address that others reach unless it is told to', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      await expect(two.proxies.add({ kind: 'http', listen: { type: 'tcp', host, port: 0 } })).rejects.toMatchObject({
        code: 'ADDRESS_INVALID',
        hint: expect.stringContaining('--allow-remote')
      })
    }
  })

  it('is gone once removed', async () => {
    const { id, listen: where } = await two.proxies.add({
      kind: 'http',
      listen: { type: 'tcp', host: '127.0.0.1', port: 0 }
    })
    two.proxies.remove(where)
    expect(two.proxies.list().map((one) => one.id)).not.toContain(id)
    expect(() => two.proxies.remove(id)).toThrow(expect.objectContaining({ code: 'PROXY_UNKNOWN' }))
  })
})
