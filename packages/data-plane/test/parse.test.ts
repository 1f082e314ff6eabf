import { describe, expect, it } from 'vitest'
import {
  formatListenAddress,
  formatService,
  formatUpstream,
  makeService,
  parseListenAddress,
  parseService,
  parseUpstream
} from '@agent-mesh/data-plane'
import { formatHostPort, normalizeSocketAddress } from '../src/upstream/socket-address.ts'

describe('a service', () => {
  it.each([
    ['http://127.0.0.1:8000', { kind: 'http', address: { type: 'tcp', host: '127.0.0.1', port: 8000 } }],
    ['grpc://[::1]:50051', { kind: 'grpc', address: { type: 'tcp', host: '::1', port: 50_051 } }],
    ['tcp://db.internal:5432', { kind: 'tcp', address: { type: 'tcp', host: 'db.internal', port: 5432 } }],
    ['ssh://localhost:22', { kind: 'ssh', address: { type: 'tcp', host: 'localhost', port: 22 } }],
    ['unix:/run/x.sock', { kind: 'tcp', address: { type: 'unix', path: '/run/x.sock' } }],
    ['http+unix:/run/x.sock', { kind: 'http', address: { type: 'unix', path: '/run/x.sock' } }]
  ])('%s is read and written back', (text, upstream) => {
    expect(parseUpstream(text)).toEqual(upstream)
    expect(formatUpstream(parseUpstream(text))).toBe(text)
  })

  it('knows the ports of http and ssh and takes a slash at the end', () => {
    expect(formatUpstream(parseUpstream('http://localhost/'))).toBe('http://localhost:80')
    expect(formatUpstream(parseUpstream('ssh://localhost'))).toBe('ssh://localhost:22')
    expect(formatUpstream(parseUpstream('unix:///run/x.sock'))).toBe('unix:/run/x.sock')
  })

  it('has a name and capabilities', () => {
    const service = parseService('web=http://127.0.0.1:8000', ['language_processing/translation'])
    expect(service).toEqual({
      name: 'web',
      kind: 'http',
      address: { type: 'tcp', host: '127.0.0.1', port: 8000 },
      capabilities: ['language_processing/translation']
    })
    expect(formatService(service)).toBe('web=http://127.0.0.1:8000')
    expect(makeService('web', 'http://127.0.0.1:8000')).toEqual({ ...service, capabilities: [] })
  })

  it.each([
    'http://127.0.0.1:8000/path',
    'http://user@127.0.0.1:8000',
    'http://127.0.0.1:8000?q',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://:80',
    'tcp:127.0.0.1:80',
    'https://127.0.0.1:1',
    'ftp://127.0.0.1:21',
    'unix:relative',
    'unix:',
    'tcp+unix:x',
    '127.0.0.1:80',
    '',
    'tcp://[127.0.0.1]:80',
    'tcp://::1:80',
    'tcp://a b:80',
    'unix:/a\0b',
    'tcp://127.0.0.1:80\n'
  ])('%j is refused', (text) => {
    expect(() => parseUpstream(text)).toThrow(expect.objectContaining({ code: 'SERVICE_INVALID' }))
  })

  it('is refused without a name, or with a wrong one', () => {
    expect(() => parseService('http://127.0.0.1:1')).toThrow(expect.objectContaining({ code: 'SERVICE_INVALID' }))
    expect(() => parseService('Web=http://127.0.0.1:1')).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
    expect(() => parseService('web=http://127.0.0.1:1', ['A'])).toThrow(
      expect.objectContaining({ code: 'CAPABILITY_INVALID' })
    )
  })
})

describe('a listen address', () => {
  it.each(['127.0.0.1:0', '[::1]:8080', '0.0.0.0:80', 'unix:/run/door.sock'])('%s is read and written back', (text) => {
    expect(formatListenAddress(parseListenAddress(text))).toBe(text)
  })

  it('takes localhost for the loopback address', () => {
    expect(parseListenAddress('localhost:1')).toEqual({ type: 'tcp', host: '127.0.0.1', port: 1 })
  })

  it.each([
    '8080',
    ':8080',
    '*:8080',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '::1:80',
    '[127.0.0.1]:80',
    'host.example:80',
    'unix:door.sock',
    `unix:/${'x'.repeat(103)}`,
    ''
  ])('%j is refused', (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }))
  })
})

describe('a socket address', () => {
  it.each([
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['::ffff:127.0.0.1:80', '127.0.0.1:80'],
    ['[::FFFF:127.0.0.1]:80', '127.0.0.1:80'],
    ['[::1]:80', '[::1]:80'],
    ['::1:80', '[::1]:80'],
    ['nonsense', 'nonsense']
  ])('%s is %s', (text, normal) => {
    expect(normalizeSocketAddress(text)).toBe(normal)
  })
  it('is written with brackets around IPv6', () => {
    expect([formatHostPort('::1', 1), formatHostPort('::ffff:10.0.0.1', 1)]).toEqual(['[::1]:1', '10.0.0.1:1'])
  })
})
