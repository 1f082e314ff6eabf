import { expect } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { bodyOf, get, host, refuses, request, statuses, url, type Row } from './rig.ts'

const error = 'http_request_error'

/** Request lines, fields, and what a proxy takes off or adds. */
export const messageRows: Row[] = [
  {
    section: 'RFC 9112 §3.2.2',
    what: 'absolute-form goes on in origin-form, with the authority of the target in place of any other Host',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: `GET ${url}:80/a/../b?c HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n`
      })
      expect(statuses(text)).toEqual([200])
      expect(rig.asked()).toMatch(/^GET \/a\/\.\.\/b\?c HTTP\/1\.1\r\nHost: web\.alice\.mesh:80\r\n/)
      expect(rig.asked()).not.toContain('other.example')
    }
  },
  {
    section: 'RFC 9112 §3.2.1',
    what: 'an empty path goes on as /, also before a query',
    check: async (rig) => {
      await rig.exchange({ send: `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n` })
      expect(rig.asked()).toMatch(/^GET \/ HTTP/)
      await rig.exchange({ send: `GET ${url}?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n` })
      expect(rig.asked()).toMatch(/^GET \/\?q HTTP/)
    }
  },
  {
    section: 'RFC 9112 §3.2.4',
    what: 'OPTIONS with an empty path goes on as *',
    check: async (rig) => {
      await rig.exchange({ send: `OPTIONS ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n` })
      expect(rig.asked()).toMatch(/^OPTIONS \* HTTP/)
    }
  },
  {
    section: 'RFC 9110 §9.3.7',
    what: 'OPTIONS * is for the proxy itself, which says what it can',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' })
      expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\nAllow: [^\r]*CONNECT/)
      expect(rig.asked()).toBe('')
    }
  },
  {
    section: 'RFC 9112 §3.2.4',
    what: '* is for OPTIONS alone',
    check: refuses('GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400, error)
  },
  {
    section: 'RFC 9112 §3.2.1',
    what: 'origin-form names nobody to a proxy',
    check: refuses('GET /x HTTP/1.1\r\nHost: web.alice.mesh\r\nConnection: close\r\n\r\n', 400, error)
  },
  {
    section: 'RFC 9112 §3.2.3',
    what: 'authority-form is for CONNECT alone',
    check: refuses('GET web.alice.mesh:80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400, error)
  },
  {
    section: 'RFC 9110 §4.2.4',
    what: 'a user in the authority is refused',
    check: refuses(`GET http://a:b@${host}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 400, error)
  },
  {
    section: 'RFC 9112 §3.2',
    what: 'HTTP/1.1 without Host is refused',
    check: refuses(`GET ${url}/ HTTP/1.1\r\nConnection: close\r\n\r\n`, 400, error)
  },
  {
    section: 'RFC 9112 §3.2',
    what: 'two Hosts are refused',
    check: refuses(get('Host: b'), 400, error)
  },
  ...['a b', 'a/b', 'u@a', 'a:b', '[::1', 'a"'].map((value) => ({
    section: 'RFC 9112 §3.2',
    what: `a Host that is none is refused: ${value}`,
    check: refuses(`GET ${url}/ HTTP/1.1\r\nHost: ${value}\r\nConnection: close\r\n\r\n`, 400, error)
  })),
  {
    section: 'RFC 9110 §7.2',
    what: 'an empty Host is one',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: `GET ${url}/ HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n` })
      expect(statuses(text)).toEqual([200])
    }
  },
  {
    section: 'RFC 9112 §3',
    what: 'a target that is too long is 414',
    check: async (rig) => {
      for (const size of [limits.proxyTargetBytes + 1, 2 * limits.proxyHeaderBytes]) {
        await refuses(
          `GET ${url}/${'x'.repeat(size)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
          414,
          error
        )(rig)
      }
    }
  },
  {
    section: 'RFC 9110 §5.4',
    what: 'fields that are too large are 431, never cut',
    check: refuses(get(`X-A: ${'a'.repeat(limits.proxyHeaderBytes)}`), 431, error)
  },
  {
    section: 'RFC 9112 §2.2',
    what: 'an empty line before a request is passed over',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: `\r\n${get()}` })
      expect(statuses(text)).toEqual([200])
    }
  },
  {
    section: 'RFC 9112 §5.1',
    what: 'white space before the colon is refused',
    check: refuses(get('X-A : b'), 400, error)
  },
  {
    section: 'RFC 9112 §5.2',
    what: 'a folded line is refused',
    check: refuses(get('X-A: b', ' c'), 400, error)
  },
  {
    section: 'RFC 9110 §9.1',
    what: 'a method that the parser does not know is 501',
    check: refuses(request('FROBNICATE'), 501, error)
  },
  {
    section: 'RFC 9110 §7.6.1',
    what: 'fields that Connection names, and those of one connection, do not go on',
    check: async (rig) => {
      await rig.exchange({
        send: request(
          'GET',
          ['X-Named: 1', 'Keep-Alive: 5', 'Proxy-Connection: keep-alive', 'X-Kept: 2'],
          '',
          'close, x-named'
        )
      })
      expect(rig.asked()).not.toMatch(/x-named|keep-alive: 5|proxy-connection|: close/i)
      expect(rig.asked()).toContain('\r\nX-Kept: 2\r\n')
    }
  },
  {
    section: 'RFC 9110 §7.6.1',
    what: 'nor do they come back',
    check: async (rig) => {
      const answer =
        'HTTP/1.1 200 OK\r\nConnection: x-named, keep-alive\r\nX-Named: 1\r\nKeep-Alive: timeout=9\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok'
      const { text } = await rig.exchange({ send: get(), answer })
      expect(text).not.toMatch(/x-named|timeout=9/i)
      expect(text).toContain('\r\nX-Kept: 2\r\n')
    }
  },
  {
    section: 'RFC 9110 §7.6.1',
    what: 'Connection cannot take Host and Content-Length away',
    check: async (rig) => {
      const send = request('POST', ['Content-Length: 3'], 'abc', 'close, host, content-length')
      await rig.exchange({ send })
      expect(rig.asked()).toMatch(/\r\nHost: web[^]*\r\nContent-Length: 3\r\n[^]*\r\n\r\nabc$/)
    }
  },
  {
    section: 'RFC 9110 §11.7.1',
    what: 'Proxy-Authorization is for this proxy and stays here',
    check: async (rig) => {
      await rig.exchange({ send: get('Proxy-Authorization: Basic c2VjcmV0') })
      expect(rig.asked()).not.toMatch(/proxy-authorization/i)
    }
  },
  {
    section: 'RFC 9110 §10.1.4',
    what: 'TE is for one hop: trailers are asked for anew, codings are not',
    check: async (rig) => {
      await rig.exchange({ send: request('GET', ['TE: trailers, gzip;q=0.5'], '', 'close, TE') })
      expect(rig.asked()).toMatch(/\r\nTE: trailers\r\n/)
      expect(rig.asked()).toMatch(/\r\nConnection: [^\r]*TE/)
      expect(rig.asked()).not.toContain('gzip')
    }
  },
  {
    section: 'RFC 9110 §7.6.3',
    what: 'Via names the version that came and this proxy, behind those before it, both ways',
    check: async (rig) => {
      const answer = 'HTTP/1.0 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nok'
      const { text } = await rig.exchange({ send: `GET ${url}/ HTTP/1.0\r\nVia: 1.1 outer\r\n\r\n`, answer })
      expect(rig.asked()).toMatch(/\r\nVia: 1\.1 outer\r\nVia: 1\.0 mesh-node\r\n/)
      expect(text.match(/\r\nVia: .*/g)).toEqual(['\r\nVia: 1.1 inner', '\r\nVia: 1.0 mesh-node'])
    }
  },
  {
    section: 'RFC 9110 §2.5',
    what: 'each message has the version of who sends it',
    check: async (rig) => {
      const answer = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'
      const { text } = await rig.exchange({ send: `GET ${url}/ HTTP/1.0\r\n\r\n`, answer })
      expect(rig.asked()).toMatch(/^GET \/ HTTP\/1\.1\r\n/)
      expect(text).toMatch(/^HTTP\/1\.1 200 /)
    }
  },
  {
    section: 'RFC 9110 §7.6.2',
    what: 'TRACE whose Max-Forwards is used up is shown to its client, without its secrets',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: request('TRACE', ['Max-Forwards: 0', 'X-A: b', 'Cookie: c=d']) })
      expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\nContent-Type: message\/http\r\n/)
      expect(text).toContain(`TRACE ${url}/x HTTP/1.1\r\n`)
      expect(text).toContain('X-A: b\r\n')
      expect(text).not.toContain('c=d')
      expect(rig.asked()).toBe('')
    }
  },
  {
    section: 'RFC 9110 §7.6.2',
    what: 'so is OPTIONS answered here',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: request('OPTIONS', ['Max-Forwards: 0']) })
      expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\nAllow: /)
      expect(rig.asked()).toBe('')
    }
  },
  {
    section: 'RFC 9110 §7.6.2',
    what: 'otherwise it is one less',
    check: async (rig) => {
      for (const method of ['TRACE', 'OPTIONS']) {
        await rig.exchange({ send: request(method, ['Max-Forwards: 10']) })
        expect(rig.asked()).toContain('\r\nMax-Forwards: 9\r\n')
      }
    }
  },
  {
    section: 'RFC 9110 §7.6.2',
    what: 'for other methods, and where it is no number, it means nothing here',
    check: async (rig) => {
      await rig.exchange({ send: request('GET', ['Max-Forwards: 0']) })
      expect(rig.asked()).toContain('\r\nMax-Forwards: 0\r\n')
      for (const value of ['many', '']) {
        await rig.exchange({ send: request('OPTIONS', [`Max-Forwards: ${value}`]) })
        expect(rig.asked()).toContain(`\r\nMax-Forwards: ${value}\r\n`)
      }
    }
  },
  {
    section: 'RFC 9110 §6.6.1',
    what: 'a response without Date gets one, another keeps its own',
    check: async (rig) => {
      const bare = await rig.exchange({ send: get(), answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' })
      expect(bare.text.match(/\r\nDate: /g)).toHaveLength(1)
      const dated = await rig.exchange({ send: get() })
      expect(dated.text.match(/\r\nDate: .*/g)).toEqual(['\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT'])
    }
  },
  {
    section: 'RFC 9110 §5.3',
    what: 'lines of one name keep their order and are not joined',
    check: async (rig) => {
      const answer =
        'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2\r\nX: 2\r\nContent-Length: 0\r\n\r\n'
      const { text } = await rig.exchange({ send: get('B: 1', 'A: 1', 'b: 2'), answer })
      expect(rig.asked()).toMatch(/\r\nB: 1\r\nA: 1\r\nb: 2\r\n/)
      expect(text).toMatch(/\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2\r\nX: 2\r\n/)
    }
  },
  {
    section: 'RFC 9110 §15.1',
    what: 'a status that nobody knows goes on with its words',
    check: async (rig) => {
      const answer = 'HTTP/1.1 299 Quite well\r\nContent-Length: 2\r\n\r\nok'
      const { text } = await rig.exchange({ send: get(), answer })
      expect(text).toMatch(/^HTTP\/1\.1 299 Quite well\r\n/)
      expect(bodyOf(text)).toBe('ok')
    }
  },
  {
    section: 'RFC 9209 §2.1',
    what: 'a circle of proxies is broken: 502, proxy_loop_detected',
    check: refuses(
      get(...Array.from({ length: limits.proxyHops }, () => 'Via: 1.1 mesh-node')),
      502,
      'proxy_loop_detected'
    )
  }
]
