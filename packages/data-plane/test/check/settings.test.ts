import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { parseUpstream } from '@agent-mesh/data-plane'
import { defaultCheck, formatCheck, parseCheck } from '../../src/upstream/check/settings.ts'

describe('the text of a check', () => {
  it.each([
    ['connect', { type: 'connect' }],
    ['http:/healthz', { type: 'http', path: '/healthz' }],
    ['http:/a?b=c:d', { type: 'http', path: '/a?b=c:d' }],
    ['grpc', { type: 'grpc', service: '' }],
    ['grpc:agent.Agent', { type: 'grpc', service: 'agent.Agent' }],
    ['none', undefined]
  ])('%s is read and written', (text, kind) => {
    expect(parseCheck(text)).toEqual(kind)
    expect(formatCheck(parseCheck(text))).toBe(text)
  })

  it.each([
    '',
    'ping',
    'http',
    'http:healthz',
    'http:/a b',
    'http:/a\r\nx: y',
    'connect:80',
    'none:1',
    'grpc:',
    'grpc:a b',
    `http:/${'x'.repeat(limits.checkTargetLength)}`
  ])('%j is refused', (text) => {
    expect(() => parseCheck(text)).toThrow(expect.objectContaining({ code: 'SERVICE_INVALID' }))
  })

  it('may be as long as its limit', () => {
    expect(parseCheck(`http:/${'x'.repeat(limits.checkTargetLength - 1)}`)).toBeDefined()
  })
})

it('services are checked for taking connections where nobody says otherwise, but logins and programs are not', () => {
  const kinds = [
    'http://127.0.0.1:1',
    'grpc://127.0.0.1:1',
    'tcp://127.0.0.1:1',
    'unix:/x',
    'ssh://127.0.0.1:22',
    'stdio:cat'
  ]
  expect(kinds.map((text) => formatCheck(defaultCheck(parseUpstream(text))))).toEqual([
    'connect',
    'connect',
    'connect',
    'connect',
    'none',
    'none'
  ])
})
