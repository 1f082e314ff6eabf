import { once } from 'node:events'
import { expect } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { talk } from '../proxy-pair.ts'
import { get, host, ok, refuses, request, statuses, url, type Answer, type Row } from './rig.ts'

const error = 'http_request_error'
const kept = (path: string, method = 'GET', lines = ''): string =>
  `${method} ${url}/${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`
const paths = (asked: string): string[] =>
  [...asked.matchAll(/[A-Z]+ (\/\S*) HTTP\/1\.1/g)].map(([, path = '']) => path)
const sized = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`
const pathOf = (head: string): string => /^[A-Z]+ (\S+) /.exec(head)?.[1] ?? ''

/** Answers with the path, `/slow` a moment later. */
const byPath: Answer = (socket, head) => {
  const path = pathOf(head)
  if (path.startsWith('/slow')) setTimeout(() => socket.write(sized(path)), 50)
  else socket.write(sized(path))
}

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'
const upgrade = (lines: string[] = [], body = ''): string =>
  request('GET', ['Upgrade: echo', ...lines], body, 'Upgrade')
const connectTo = (authority: string, lines = ''): string => `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`

/** How long connections last, what follows what on them, and what becomes of them. */
export const connectionRows: Row[] = [
  {
    section: 'RFC 9112 §9.3',
    what: 'HTTP/1.1 keeps its connection, though the service does not',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: [kept('1'), kept('2'), get()],
        answer: (socket, head) => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${pathOf(head)}`)
      })
      expect(statuses(text)).toEqual([200, 200, 200])
    }
  },
  {
    section: 'RFC 9112 §9.6',
    what: 'close is kept to, and said',
    check: async (rig) => {
      const { text, ending } = await rig.exchange({ send: get() })
      expect(text).toMatch(/\r\nConnection: close\r\n/)
      expect(ending).toBe('end')
    }
  },
  {
    section: 'RFC 9112 §9.6',
    what: 'what follows close is not done, and what was asked before it is answered',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: get() + kept('after'),
        answer: (socket) => setTimeout(() => socket.write(ok), 50)
      })
      expect(statuses(text)).toEqual([200])
      expect(paths(rig.asked())).toEqual(['/x'])
    }
  },
  {
    section: 'RFC 9112 §9.3',
    what: 'a proxy keeps no connection of HTTP/1.0, though it asks for that',
    check: async (rig) => {
      const { text, ending } = await rig.exchange({ send: `GET ${url}/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n` })
      expect(statuses(text)).toEqual([200])
      expect(text).toMatch(/\r\nConnection: close\r\n/)
      expect(ending).toBe('end')
    }
  },
  {
    section: 'RFC 9112 §9.3.2',
    what: 'requests that come at once are answered in their order',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: kept('slow') + kept('b') + kept('slow2') + get(), answer: byPath })
      expect(text.match(/\r\n\r\n\/[a-z0-9]+/g)).toEqual([
        '\r\n\r\n/slow',
        '\r\n\r\n/b',
        '\r\n\r\n/slow2',
        '\r\n\r\n/x'
      ])
    }
  },
  {
    section: 'RFC 9112 §9.3.2',
    what: 'and what is not safe is not begun before, nor anything after it until it is done',
    check: async (rig) => {
      const order: string[] = []
      await rig.exchange({
        send: kept('slow') + kept('slow-post', 'POST', 'Content-Length: 0\r\n') + get(),
        answer: (socket, head) => {
          order.push(`begin ${pathOf(head)}`)
          setTimeout(() => {
            order.push(`end ${pathOf(head)}`)
            socket.write(ok)
          }, 30)
        }
      })
      expect(order).toEqual(['begin /slow', 'end /slow', 'begin /slow-post', 'end /slow-post', 'begin /x', 'end /x'])
    }
  },
  {
    section: 'RFC 9112 §9.3.2',
    what: 'one that is none is answered behind those before it',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: `${kept('slow')}GET\r\n\r\n`, answer: byPath })
      expect(statuses(text)).toEqual([200, 400])
    }
  },
  {
    section: 'RFC 9112 §9.3.2',
    what: `more than ${limits.proxyPipelinedRequests} at once cost the client its connection`,
    check: async (rig) => {
      const enough = await rig.exchange({ send: kept('x').repeat(limits.proxyPipelinedRequests - 1) + get() })
      expect(statuses(enough.text)).toHaveLength(limits.proxyPipelinedRequests)
      const { ending, text } = await rig.exchange({
        send: kept('slow').repeat(limits.proxyPipelinedRequests + 1),
        answer: byPath
      })
      expect(ending).toBe('reset')
      expect(statuses(text).length).toBeLessThan(limits.proxyPipelinedRequests)
    }
  },
  {
    section: 'RFC 9110 §9.3.6',
    what: 'CONNECT is answered with 2xx that has neither length nor coding, and bytes that follow pass',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: `${connectTo('raw.alice.mesh:7')}early`, isEnded: true })
      expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nearly$/)
      expect(text).not.toMatch(/content-length|transfer-encoding/i)
    }
  },
  {
    section: 'RFC 9110 §9.3.6',
    what: 'each side of a tunnel may end alone',
    check: async (rig) => {
      const { text, ending } = await rig.exchange({ send: [connectTo('raw.alice.mesh:7'), 'all of it'], isEnded: true })
      expect(text).toMatch(/\r\n\r\nall of it$/)
      expect(ending).toBe('end')
    }
  },
  ...['raw.alice.mesh', 'raw.alice.mesh:', 'raw.alice.mesh:0', 'raw.alice.mesh:65536', 'raw.alice.mesh:x', ':7'].map(
    (authority) => ({
      section: 'RFC 9110 §9.3.6',
      what: `CONNECT without a host or a port is 400: ${authority}`,
      check: refuses(connectTo(authority), 400, error)
    })
  ),
  {
    section: 'RFC 9110 §9.3.6',
    what: 'CONNECT with content is refused',
    check: refuses(connectTo('raw.alice.mesh:7', 'Content-Length: 3\r\n').concat('abc'), 400, error)
  },
  {
    section: 'RFC 9112 §9.3.2',
    what: 'CONNECT behind a request waits for the answer to that, however large',
    check: async (rig) => {
      const large = 'x'.repeat(1_000_000)
      const { text } = await rig.exchange({
        send: [kept('slow') + connectTo('raw.alice.mesh:7'), 'echoed'],
        answer: (socket) => setTimeout(() => socket.write(sized(large)), 50),
        until: (heard) => heard.endsWith('echoed')
      })
      expect(statuses(text)).toEqual([200, 200])
      expect(text).toMatch(/x\r?HTTP\/1\.1 200 Connection Established|xHTTP\/1\.1 200 Connection Established/)
      expect(text.endsWith('echoed')).toBe(true)
    }
  },
  {
    section: 'RFC 9110 §7.8',
    what: 'a change of protocol that the service takes joins both sides',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: [upgrade(), 'two'],
        answer: (socket) => {
          socket.write(`${switching}one `)
          socket.once('data', (data) => socket.end(data))
        },
        until: (heard) => heard.endsWith('two')
      })
      expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\nUpgrade: echo\r\n[^]*\r\n\r\none two$/)
      expect(rig.asked()).toMatch(/\r\nUpgrade: echo\r\nConnection: Upgrade\r\n/)
    }
  },
  {
    section: 'RFC 9110 §7.8',
    what: 'one that it does not take is answered like any request',
    check: async (rig) => {
      const answer = 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nContent-Length: 2\r\n\r\nno'
      const { text, ending } = await rig.exchange({ send: upgrade(), answer })
      expect(text).toMatch(/^HTTP\/1\.1 426 [^]*\r\n\r\nno$/)
      expect(ending).toBe('end')
    }
  },
  {
    section: 'RFC 9110 §7.8',
    what: 'one behind a request waits for the answer to that',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: kept('slow') + upgrade(),
        answer: (socket, head) => {
          if (pathOf(head) === '/slow') byPath(socket, head)
          else socket.end(`${switching}switched`)
        },
        until: (heard) => heard.endsWith('switched')
      })
      expect(statuses(text)).toEqual([200, 101])
    }
  },
  {
    section: 'RFC 9110 §7.8',
    what: 'Upgrade that Connection does not name is no wish',
    check: async (rig) => {
      await rig.exchange({ send: get('Upgrade: echo') })
      expect(rig.asked()).not.toMatch(/upgrade/i)
    }
  },
  {
    section: 'RFC 9113 §3.1',
    what: 'h2c is not offered to the service, and the request is answered',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: request('GET', ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'], '', 'Upgrade, HTTP2-Settings')
      })
      expect(statuses(text)).toEqual([200])
      expect(rig.asked()).not.toMatch(/h2c|http2-settings/i)
    }
  },
  {
    section: 'RFC 9110 §15.2.2',
    what: 'a change of protocol that nobody asked for is 502',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: switching })
      expect(text).toMatch(/^HTTP\/1\.1 502 [^]*error=http_protocol_error;/)
    }
  },
  {
    section: 'RFC 9110 §15.5.9',
    what: 'a head that does not come in time is 408',
    check: async (rig) => {
      const { socket, end } = await talk(rig.port)
      const began = performance.now()
      socket.write(`GET ${url}/ HTTP/1.1\r\nHost: `)
      const heard = (await end).toString()
      expect(statuses(heard)).toEqual([408])
      expect(performance.now() - began).toBeLessThan(limits.proxyHandshakeTimeoutMs + 3_000)
      socket.destroy()
      if (!socket.closed) await once(socket, 'close')
    }
  }
]
