import type { Socket } from 'node:net'
import { expect, vi } from 'vitest'
import { bodyOf, distrusts, get, ok, request, statuses, url, type Row } from './rig.ts'

const protocolError = 'http_protocol_error'
const head = 'HTTP/1.1 200 OK\r\n'
const chunkedPost = (body: string): string => request('POST', ['Transfer-Encoding: chunked'], body)
const expecting = ['Expect: 100-continue', 'Content-Length: 4']
const forHttp10 = `GET ${url}/x HTTP/1.0\r\n\r\n`

/** Bodies, their framing, and what is said before the final answer. */
export const bodyRows: Row[] = [
  {
    section: 'RFC 9112 §7.1',
    what: 'a request in chunks goes on in chunks, whatever the case of their sizes',
    check: async (rig) => {
      await rig.exchange({ send: chunkedPost(`A\r\n0123456789\r\n0b\r\nabcdefghijk\r\n0\r\n\r\n`) })
      expect(rig.asked()).toMatch(/\r\nTransfer-Encoding: chunked\r\n/)
      const said = rig.asked().split('\r\n\r\n').slice(1).join('\r\n\r\n')
      expect(said.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '')).toBe('0123456789abcdefghijk\r\n')
    }
  },
  {
    section: 'RFC 9112 §7.1.1',
    what: 'extensions of chunks end here',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: chunkedPost('3;a="b;c"\r\nabc\r\n0;last\r\n\r\n'),
        answer: `${head}Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n`
      })
      expect(rig.asked()).toMatch(/3\r\nabc\r\n0\r\n\r\n$/)
      expect(text).toMatch(/\r\n\r\n2\r\nok\r\n0\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9112 §7.1.2',
    what: 'trailers go on both ways',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: request('POST', ['Transfer-Encoding: chunked', 'Trailer: X-Sum'], '1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n'),
        answer: (socket) => {
          socket.write(`${head}Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n2\r\nok\r\n0\r\nX-End: 2\r\n\r\n`)
        }
      })
      await vi.waitFor(() => expect(rig.asked()).toMatch(/\r\n0\r\nX-Sum: 1\r\n\r\n$/))
      expect(text).toMatch(/\r\nTrailer: X-End\r\n[^]*\r\n0\r\nX-End: 2\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9110 §6.5.1',
    what: 'no trailer says what only a head may, nor who calls',
    check: async (rig) => {
      const bad =
        'Content-Type: text/plain\r\nHost: b\r\nAuthorization: c\r\nSet-Cookie: d=e\r\nMesh-Peer-Id: forged\r\nX-Good: 1\r\n'
      const { text } = await rig.exchange({
        send: chunkedPost(`1\r\na\r\n0\r\n${bad}\r\n`),
        answer: `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${bad}\r\n`
      })
      await vi.waitFor(() => expect(rig.asked()).toMatch(/\r\n0\r\nX-Good: 1\r\n\r\n$/))
      expect(text).toMatch(/\r\n0\r\nX-Good: 1\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9112 §6.1',
    what: 'HTTP/1.0 is never told of chunks or trailers',
    check: async (rig) => {
      const answer = `${head}Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n2\r\nok\r\n0\r\nX-End: 2\r\n\r\n`
      const { text, ending } = await rig.exchange({ send: forHttp10, answer })
      expect(text).not.toMatch(/transfer-encoding|x-end/i)
      expect(bodyOf(text)).toBe('ok')
      expect(ending).toBe('end')
    }
  },
  {
    section: 'RFC 9112 §6.3',
    what: 'a response that ends with its connection is whole for HTTP/1.1, in chunks',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: (socket) => socket.end(`${head}\r\nall of it`) })
      expect(text).toMatch(/\r\nTransfer-Encoding: chunked\r\n[^]*\r\n9\r\nall of it\r\n0\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9112 §6.3',
    what: 'and for HTTP/1.0, with the end of its own connection',
    check: async (rig) => {
      const { text, ending } = await rig.exchange({
        send: forHttp10,
        answer: (socket) => socket.end(`${head}\r\nall of it`)
      })
      expect(bodyOf(text)).toBe('all of it')
      expect(ending).toBe('end')
    }
  },
  ...[
    ['its length', 'Content-Length: 100\r\n\r\nhalf'],
    ['its last chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['the end of its connection', '\r\nhalf']
  ].flatMap(([what = '', rest = '']): Row[] =>
    ['1.1', '1.0'].map((version) => ({
      section: 'RFC 9112 §8',
      what: `a response that is cut before ${what} is cut for HTTP/${version} too`,
      check: async (rig) => {
        let service: Socket | undefined
        const { text, ending } = await rig.exchange({
          send: version === '1.1' ? get() : forHttp10,
          answer: (socket) => {
            service = socket
            socket.write(head + rest)
          },
          onHeard: (heard) => {
            if (heard.includes('half')) service?.resetAndDestroy()
          }
        })
        expect(text).toContain('half')
        expect(text).not.toMatch(/\r\n0\r\n\r\n$/)
        const isToldByLength = /\r\nContent-Length: 100\r\n/.test(text)
        const isToldByChunks = /\r\nTransfer-Encoding: chunked\r\n/.test(text)
        expect(isToldByLength || isToldByChunks || ending === 'reset').toBe(true)
        expect(ending).not.toBe('open')
      }
    }))
  ),
  {
    section: 'RFC 9112 §8',
    what: 'a request that is cut is cut for the service',
    check: async (rig) => {
      let ended = ''
      const { text } = await rig.exchange({
        send: [request('PUT', ['Content-Length: 100', 'Expect: 100-continue']), 'half'],
        answer: (socket) => {
          socket.once('end', () => {
            ended = 'end'
          })
          socket.once('error', () => {
            ended = 'reset'
          })
          socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        },
        isEnded: true
      })
      await vi.waitFor(() => expect(ended).toBe('reset'))
      expect(statuses(text)).toEqual([100, 400])
    }
  },
  {
    section: 'RFC 9110 §9.3.2',
    what: 'a response to HEAD has the fields of the one to GET and no body',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: request('HEAD'), answer: `${head}Content-Length: 1000\r\n\r\n` })
      expect(text).toMatch(/\r\nContent-Length: 1000\r\n[^]*\r\n\r\n$/)
      const chunked = await rig.exchange({ send: request('HEAD'), answer: `${head}Transfer-Encoding: chunked\r\n\r\n` })
      expect(chunked.text).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9110 §8.6',
    what: '204 has neither a body nor a length, whatever the service says',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: get(),
        answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc'
      })
      expect(text).toMatch(/^HTTP\/1\.1 204 [^]*\r\n\r\n$/)
      expect(text).not.toMatch(/content-length|transfer-encoding/i)
    }
  },
  {
    section: 'RFC 9110 §15.4.5',
    what: '304 has the length of what it stands for and no body',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: get(),
        answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n'
      })
      expect(text).toMatch(/^HTTP\/1\.1 304 [^]*\r\nContent-Length: 3\r\n[^]*\r\n\r\n$/)
    }
  },
  {
    section: 'RFC 9112 §6.3',
    what: 'a response with two lengths is not passed on',
    check: distrusts(`${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`, protocolError)
  },
  {
    section: 'RFC 9112 §6.3',
    what: 'a response with a length that is none is not passed on',
    check: distrusts(`${head}Content-Length: two\r\n\r\nab`, protocolError)
  },
  {
    section: 'RFC 9112 §6.3',
    what: 'a response with a length beside chunks is not passed on',
    check: distrusts(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, protocolError)
  },
  ...['gzip, chunked', 'gzip', 'chunked, gzip', 'identity'].map((coding) => ({
    section: 'RFC 9112 §6.1',
    what: `a coding that was not asked for is not taken off unsaid: ${coding}`,
    check: distrusts(
      `${head}Transfer-Encoding: ${coding}\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      protocolError
    )
  })),
  {
    section: 'RFC 9112 §5.2',
    what: 'a response with a folded line is unfolded or not passed on',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: `${head}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok` })
      expect(text).toMatch(/^HTTP\/1\.1 (?:200 [^]*\r\nX-A: b +c\r\n|502 [^]*error=http_protocol_error)/)
    }
  },
  {
    section: 'RFC 9112 §5.1',
    what: 'white space before a colon does not come back',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: `${head}X-A : b\r\nContent-Length: 2\r\n\r\nok` })
      expect(text).toMatch(/^HTTP\/1\.1 (?:200 [^]*\r\nX-A: b\r\n|502 [^]*error=http_protocol_error)/)
    }
  },
  {
    section: 'RFC 9209 §2.3.24',
    what: 'what is no HTTP is 502, http_protocol_error',
    check: distrusts('SSH-2.0-OpenSSH_9.9\r\n', protocolError)
  },
  {
    section: 'RFC 9209 §2.3.17',
    what: 'a response whose fields are too large is 502',
    check: distrusts(
      `${head}X-A: ${'a'.repeat(40_000)}\r\nContent-Length: 2\r\n\r\nok`,
      'http_response_header_section_size'
    )
  },
  {
    section: 'RFC 9209 §2.3.10',
    what: 'an end before the answer is 502, connection_terminated',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: (socket) => socket.resetAndDestroy() })
      expect(text).toMatch(/^HTTP\/1\.1 502 [^]*error=connection_terminated;/)
    }
  },
  {
    section: 'RFC 9110 §10.1.1',
    what: '100-continue is asked of the service, and its 100 comes back before the body goes',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: [request('PUT', expecting), 'data'],
        answer: (socket) => {
          expect(rig.asked()).not.toContain('data')
          socket.write('HTTP/1.1 100 Continue\r\n\r\n')
          socket.once('data', () => socket.write(ok))
        }
      })
      expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
      expect(rig.asked()).toMatch(/\r\nExpect: 100-continue\r\n[^]*data$/)
    }
  },
  {
    section: 'RFC 9110 §10.1.1',
    what: 'a final answer instead of 100 comes back as it is',
    check: async (rig) => {
      const answer = 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n'
      const { text } = await rig.exchange({ send: request('PUT', expecting), answer })
      expect(statuses(text)).toEqual([417])
    }
  },
  {
    section: 'RFC 9110 §10.1.1',
    what: 'an expectation that nobody knows is 417',
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get('Expect: a-miracle') })
      expect(statuses(text)).toEqual([417])
    }
  },
  {
    section: 'RFC 9110 §15.2',
    what: 'HTTP/1.0 is told nothing before the final answer',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: `PUT ${url}/x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\ndata`,
        answer: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`
      })
      expect(statuses(text)).toEqual([200])
    }
  },
  ...[
    '100 Continue\r\n',
    '102 Processing\r\n',
    '103 Early Hints\r\nLink: </a>; rel=preload\r\nX-More: than links\r\n',
    '199 \r\nX-A: b\r\n'
  ].map((interim): Row => ({
    section: 'RFC 9110 §15.2',
    what: `what is said before the final answer comes back, though nobody asked: ${interim.split('\r\n')[0]}`,
    check: async (rig) => {
      const { text } = await rig.exchange({ send: get(), answer: `HTTP/1.1 ${interim}\r\n${ok}` })
      expect(text.startsWith(`HTTP/1.1 ${interim}\r\nHTTP/1.1 200 OK\r\n`), text).toBe(true)
    }
  })),
  {
    section: 'RFC 9110 §15.5.14',
    what: 'an answer before the end of the request comes back at once',
    check: async (rig) => {
      const { text } = await rig.exchange({
        send: request('PUT', ['Content-Length: 1000000'], 'x'.repeat(1_000)),
        answer: (socket) =>
          socket.end('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig'),
        until: (heard) => heard.endsWith('big')
      })
      expect(statuses(text)).toEqual([413])
      expect(bodyOf(text)).toBe('big')
    }
  },
  {
    section: 'RFC 9112 §9.3',
    what: 'and the connection is not used for another request while the rest is owed',
    check: async (rig) => {
      const { text, ending } = await rig.exchange({
        send: [request('PUT', ['Content-Length: 10'], 'xx', 'keep-alive'), 'GET / HTT'],
        answer: (socket) => socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig')
      })
      expect(statuses(text)).toEqual([413])
      expect(rig.asked()).not.toContain('GET / HTT')
      expect(ending).not.toBe('reset')
    }
  }
]
