import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { limits } from '@agent-mesh/wire/limits'
import { bodyFields, collectBody } from '../src/call/answer.ts'
import { queryOf } from '../src/call/explain.ts'
import { askedOf, bodyOf, withTyped } from '../src/call/request.ts'

const typeOf = async (data: string): Promise<string | undefined> => (await bodyOf(data)).headers[1]

const ofSize = async function* (size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; left -= 1024 * 1024) yield Buffer.alloc(Math.min(left, 1024 * 1024))
}

const typed = { target: 'alice', headers: [] }

describe('what is asked', () => {
  it('is GET / where nothing is said, and POST where there is data', () => {
    expect(askedOf(typed)).toEqual({
      target: 'alice',
      port: 80,
      path: '/',
      method: 'GET',
      headers: [],
      data: undefined
    })
    expect(askedOf({ ...typed, data: 'x' }).method).toBe('POST')
    expect(askedOf({ ...typed, data: 'x', method: 'PUT' }).method).toBe('PUT')
  })

  it.each([
    ['http://web.alice.mesh', 'web.alice.mesh', 80, '/'],
    ['http://web.alice.mesh/a?b=c', 'web.alice.mesh', 80, '/a?b=c'],
    ['http://alice.mesh:8080?q', 'alice.mesh', 8080, '/?q'],
    ['http://alice.mesh/a#part', '', 0, '']
  ])('of the URL %s', (target, host, port, path) => {
    if (host === '') expect(() => askedOf({ target, headers: [] })).toThrow('is no http URL')
    else expect(askedOf({ target, headers: [] })).toMatchObject({ target: host, port, path })
  })

  it.each([
    [{ ...typed, path: 'health' }, 'is no path'],
    [{ ...typed, path: '/a b' }, 'is no path'],
    [{ ...typed, path: '/a\r\nX: y' }, 'is no path'],
    [{ ...typed, method: 'GE T' }, 'is no method'],
    [{ ...typed, method: 'CONNECT' }, 'nc does that'],
    [{ ...typed, headers: ['no colon'] }, 'is no header'],
    [{ ...typed, headers: ['a b: c'] }, 'is no header'],
    [{ ...typed, headers: ['a: b\nc: d'] }, 'is no header'],
    [{ target: 'https://web.alice.mesh/', headers: [] }, 'is no http URL'],
    [{ target: 'http://me@web.alice.mesh/', headers: [] }, 'is no http URL'],
    [{ target: 'http://web.alice.mesh:70000/', headers: [] }, 'is no http URL'],
    [{ target: 'http://web.alice.mesh/a', path: '/b', headers: [] }, 'has a path by itself']
  ])('is refused where it could be read in two ways: %j', (asked, why) => {
    expect(() => askedOf(asked)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) })
    )
  })

  it('has the headers that were typed in the place of ours', () => {
    const { headers } = askedOf({ ...typed, headers: ['host: other', 'X-Empty:', 'X-A: a: b'] })
    expect(withTyped(['Host', 'alice', 'Accept', '*/*'], headers)).toEqual([
      'Accept',
      '*/*',
      'host',
      'other',
      'X-Empty',
      '',
      'X-A',
      'a: b'
    ])
  })
})

describe('a body', () => {
  it('that was typed is JSON where it reads as an object or a list, and text otherwise', async () => {
    expect(await typeOf('{"a":1}')).toBe('application/json')
    expect(await typeOf('[1]')).toBe('application/json')
    expect(await typeOf('42')).toBe('text/plain; charset=utf-8')
    expect(await typeOf('{broken')).toBe('text/plain; charset=utf-8')
    expect((await bodyOf('ü')).headers.at(-1)).toBe('2')
  })

  it('of a file has its length, and one that is not there is the mistake of whoever typed it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-call-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'body'), 'twelve bytes')
    expect((await bodyOf(`@${join(folder, 'body')}`)).headers).toEqual(['Content-Length', '12'])
    await expect(bodyOf(`@${join(folder, 'none')}`)).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('an answer in one document', () => {
  it('is text where it is text, and base64 where it is not', () => {
    expect(bodyFields(Buffer.from('grüße'))).toEqual({ body: 'grüße' })
    expect(bodyFields(Buffer.of(0xff, 0))).toEqual({ bodyBase64: '/wA=' })
  })

  it('has a limit', async () => {
    expect(await collectBody(ofSize(limits.callDocumentBytes))).toHaveLength(limits.callDocumentBytes)
    await expect(collectBody(ofSize(limits.callDocumentBytes + 1))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})

it('the reasons for a place are asked for by what the node took the target for', () => {
  expect(queryOf({ target: 'cap:a/b', peerId: 'p' })).toBe('cap:a/b')
  expect(queryOf({ target: 'alice/web', peerId: 'p' })).toBe('alice')
  expect(queryOf({ target: 'k51q/web', peerId: 'p' })).toBe('p')
  expect(queryOf({ target: undefined, peerId: 'p' })).toBe('p')
})
