import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brokenChunks, forgedFields, get, inner, post, refusedByProxy } from '@agent-mesh/testkit/hostile'
import { startService, type TestService } from '../servers.ts'
import { startProxyPair, talk, type ProxyPair } from './proxy-pair.ts'

let two: ProxyPair
let port = 0
let web: TestService
let decoy: TestService
/** What reached the service, piece by piece. */
let arrived: string[] = []

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

beforeAll(async () => {
  two = await startProxyPair()
  // It takes what comes letter by letter and answers each head at once.
  web = await startService((socket) => {
    let mine = ''
    let answered = 0
    socket.on('data', (data) => {
      arrived.push(data.toString('latin1'))
      mine += data.toString('latin1')
      for (const heads = mine.match(/[A-Z]+ \/\S* HTTP\/1\.1\r\n/g)?.length ?? 0; answered < heads; answered++)
        socket.write(answer)
    })
    socket.once('end', () => socket.end())
  })
  decoy = await startService((socket) => socket.destroy())
  two.serve('web', `http://127.0.0.1:${web.port}`)
  port = await two.open('http')
})
afterAll(async () => {
  await two.stop()
  web.stop()
  decoy.stop()
})

const send = async (bytes: string): Promise<string> => {
  const { socket, end, until } = await talk(port)
  socket.write(bytes, 'latin1')
  await until((heard) => heard.length > 0).catch(() => {})
  socket.end()
  const heard = (await end).toString('latin1')
  socket.destroy()
  return heard
}

const statuses = (heard: string): number[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))

describe('of malformed, smuggling and spoofing requests', () => {
  it.each(refusedByProxy)('%s is refused, and nothing of it arrives', async (_what, bytes, status) => {
    arrived = []
    const heard = await send(bytes)
    expect(statuses(heard)).toEqual([status])
    expect(heard).toMatch(/\r\nProxy-Status: mesh-node; error=/)
    expect(arrived).toEqual([])
    expect(decoy.accepted()).toBe(0)
  })

  it.each(brokenChunks)(
    'a chunk with %s ends its request, which the service never takes for whole',
    async (_what, body) => {
      arrived = []
      await send(post('Transfer-Encoding: chunked\r\n', body))
      const began = arrived.join('')
      // On the same connection of the nodes: what was sent before this has arrived when this has.
      await send(get('X-After: yes\r\n'))
      expect(began).not.toMatch(/\r\n0\r\n\r\n/)
      expect(arrived.join('')).not.toMatch(/\r\n0\r\n\r\n/)
      expect(arrived.join('')).toContain('X-After')
    }
  )

  it.each(forgedFields)('no forged identity arrives: %s', async (_what, headers) => {
    arrived = []
    const heard = await send(get(headers))
    expect(statuses(heard)).toEqual([200])
    expect(arrived.join('')).toMatch(/^GET \/x HTTP\/1\.1\r\n/)
    expect(arrived.join('')).not.toContain('forged')
  })

  it('a second request inside a body stays in the body', async () => {
    arrived = []
    const heard = await send(post(`Content-Length: ${inner.length}\r\n`, inner.replace('GET', 'get')))
    expect(statuses(heard)).toEqual([200])
    expect(arrived.join('')).toContain(`\r\n\r\n${inner.replace('GET', 'get')}`)
  })

  it('Connection cannot take the length or the host away', async () => {
    arrived = []
    await send(post('Connection: close, content-length, host, transfer-encoding\r\nContent-Length: 3\r\n', 'abc'))
    expect(arrived.join('')).toMatch(
      /^POST \/x HTTP\/1\.1\r\nHost: web\.alice\.mesh\r\nContent-Length: 3\r\n[^]*\r\n\r\nabc$/
    )
  })

  it('two requests at once are two, each for its own target, answered in their order', async () => {
    arrived = []
    const { socket, until } = await talk(port)
    socket.write(get('') + 'GET http://nobody.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n' + get(''))
    const heard = (await until((all) => statuses(all.toString('latin1')).length === 3)).toString('latin1')
    expect(statuses(heard)).toEqual([200, 502, 200])
    socket.destroy()
  })

  it('a path goes on letter by letter', async () => {
    arrived = []
    await send(`GET http://web.alice.mesh/a/../b//c;x=%2F%00?q=a|b&u=%zz HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(arrived.join('')).toMatch(/^GET \/a\/\.\.\/b\/\/c;x=%2F%00\?q=a\|b&u=%zz HTTP\/1\.1\r\n/)
  })
})
