import { describe, expect, it } from 'vitest'
import { MeshError } from '@agent-mesh/wire/errors'
import { mayRepeat, toLostError } from '../src/repeat.ts'

const lost = new MeshError('CONNECTION_LOST')
const failed = { method: 'GET', hasBody: false, hasAnswer: false, attempts: 1, error: lost }

describe('a request whose connection was lost', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('goes out again where it is a %s', (method) => {
    expect(mayRepeat({ ...failed, method })).toBe(true)
  })

  it.each([
    ['it is a POST', { method: 'POST' }],
    ['it is a PATCH', { method: 'PATCH' }],
    ['it is of a method that nobody knows', { method: 'get' }],
    ['it had a body, which may have been read', { hasBody: true }],
    ['somebody has begun to answer', { hasAnswer: true }],
    ['it went out three times', { attempts: 3 }],
    ['it was refused', { error: new MeshError('DENIED') }],
    ['its caller gave up', { error: new DOMException('', 'AbortError') }]
  ])('does not where %s', (_why, how) => {
    expect(mayRepeat({ ...failed, ...how })).toBe(false)
  })
})

it('an error of a socket is a MeshError for whoever asked, and all others stay as they are', () => {
  const reset = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })
  expect(toLostError(reset)).toMatchObject({ code: 'TUNNEL_RESET', cause: reset })
  expect(toLostError(lost)).toBe(lost)
  const other = new TypeError('odd')
  expect(toLostError(other)).toBe(other)
})
