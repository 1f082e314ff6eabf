import { limits } from '@agent-mesh/wire'

/** The service `web` of `alice`, who is known to the proxy. */
const url = 'http://web.alice.mesh'
/** A request for that service. */
export const post = (headers: string, body = ''): string =>
  `POST ${url}/x HTTP/1.1\r\nHost: web.alice.mesh\r\n${headers}\r\n${body}`
export const get = (headers: string): string => `GET ${url}/x HTTP/1.1\r\nHost: web.alice.mesh\r\n${headers}\r\n`
/** What is to be taken for a request of its own. */
export const inner = 'GET /admin HTTP/1.1\r\nHost: other\r\n\r\n'
const many = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('')

/** To the HTTP proxy. Each is refused with this status, before a byte of it reaches a service. */
export const refusedByProxy: ReadonlyArray<[what: string, bytes: string, status: number]> = [
  ['a length beside chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`), 400],
  ['chunks beside a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${inner}`), 400],
  ['two lengths', post('Content-Length: 3\r\nContent-Length: 5\r\n', 'abcde'), 400],
  ['one length twice', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400],
  ['a list of lengths', post('Content-Length: 3, 3\r\n', 'abc'), 400],
  ['a length with a sign', post('Content-Length: +3\r\n', 'abc'), 400],
  ['a negative length', post('Content-Length: -1\r\n', 'abc'), 400],
  ['a hexadecimal length', post('Content-Length: 0x3\r\n', 'abc'), 400],
  ['an empty length', post('Content-Length: \r\n', 'abc'), 400],
  ['a length beyond all numbers', post('Content-Length: 18446744073709551617\r\n', 'a'), 400],
  ['another coding', post('Transfer-Encoding: gzip\r\n', 'abc'), 400],
  ['chunked that is not last', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'), 400],
  ['two codings', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), 400],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['a coding that looks like chunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 400],
  ['a coding with a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'), 400],
  ['chunks in HTTP/1.0', `POST ${url}/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a space before the colon', get('Content-Length : 5\r\n'), 400],
  ['a folded header', get('X-A: 1\r\n\tmore\r\n'), 400],
  ['a folded coding', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'), 400],
  ['a header without a name', get(': x\r\n'), 400],
  ['a header without a colon', get('X-A\r\n'), 400],
  ['a NUL in a header', get('X-A: a\0b\r\n'), 400],
  ['a bare CR in a header', get('X-A: a\rMesh-Peer-Id: forged\r\n'), 400],
  ['a bare LF in a header', get('X-A: a\nMesh-Peer-Id: forged\r\n'), 400],
  ['two hosts', get('Host: other\r\n'), 400],
  ['no host', `GET ${url}/x HTTP/1.1\r\n\r\n`, 400],
  ['a user in the address', `GET http://web.alice.mesh@example.com/ HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  ['a user and a host of the mesh', `GET http://me:secret@web.alice.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  ['a fragment', `GET ${url}/#x HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  ['another scheme', 'GET gopher://web.alice.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['https in absolute form', 'GET https://web.alice.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a space in the address', `GET ${url}/a b HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
  ['an encoded dot in the host', 'GET http://web%2ealice.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a backslash for the host', 'GET http://example.com\\.web.alice.mesh/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['another major version', `GET ${url}/ HTTP/2.0\r\nHost: x\r\n\r\n`, 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['a head beyond the limit', get(`X-A: ${'a'.repeat(limits.proxyHeaderBytes)}\r\n`), 431],
  ['one header line more than allowed', get(many(limits.proxyHeaderLines, (i) => `X-${i}: 1\r\n`)), 400],
  ['a circle of proxies', get(many(limits.proxyHops, () => 'Via: 1.1 mesh-node\r\n')), 502],
  [
    'a name outside in the address, one inside in Host',
    'GET http://example.com/ HTTP/1.1\r\nHost: web.alice.mesh\r\n\r\n',
    403
  ],
  ['a decoy on this machine', 'GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: web.alice.mesh\r\n\r\n', 403],
  ['the metadata of a cloud', 'GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n', 403],
  ['this machine as one number', 'GET http://2130706433/ HTTP/1.1\r\nHost: x\r\n\r\n', 403],
  ['CONNECT with a length', 'CONNECT web.alice.mesh:80 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 400],
  [
    'CONNECT with chunks',
    'CONNECT web.alice.mesh:80 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400
  ],
  ['CONNECT to a port of this machine', 'CONNECT localhost:22 HTTP/1.1\r\nHost: x\r\n\r\n', 403],
  [
    'a change of protocol with a body',
    get('Connection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 3\r\n').concat('abc'),
    400
  ]
]

/** Bodies in chunks that are none: a service never takes one for whole. */
export const brokenChunks: ReadonlyArray<[what: string, body: string]> = [
  ['a bad size', 'zz\r\nabc\r\n0\r\n\r\n'],
  ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a size beyond all numbers', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['more than its size', '3\r\nabcdef\r\n0\r\n\r\n'],
  ['a bare LF', '3\nabc\n0\n\n'],
  ['a bare CR in its extension', '3;a\rb\r\nabc\r\n0\r\n\r\n']
]

/** Header lines under whose names only nodes speak; the word `forged` reaches no service. */
export const forgedFields: ReadonlyArray<[what: string, lines: string]> = [
  ['Mesh-Peer-Id', 'Mesh-Peer-Id: forged\r\n'],
  ['any case of it', 'mEsH-pEeR-nAmE: forged\r\n'],
  ['underscores', 'Mesh_Peer_Id: forged\r\n'],
  ['a name of ours to come', 'Mesh-Anything: forged\r\n'],
  ['one behind Connection', 'Connection: close, Mesh-Peer-Id\r\nMesh-Peer-Id: forged\r\n'],
  ['Proxy-Authorization', 'Proxy-Authorization: forged\r\n']
]
