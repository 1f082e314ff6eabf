import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatTarget, MeshError, parseTarget, type Target } from '@agent-mesh/wire'

const peerId = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
const refused = expect.objectContaining({ name: 'MeshError', code: 'TARGET_INVALID', exitCode: 2 })

const cases: Array<[string, Target]> = [
  ['alice', { kind: 'name', name: 'alice' }],
  ['capable', { kind: 'name', name: 'capable' }],
  ['alice/web', { kind: 'name', name: 'alice', service: 'web' }],
  [peerId, { kind: 'peer', peerId }],
  [`${peerId}/ssh`, { kind: 'peer', peerId, service: 'ssh' }],
  ['cap:vision', { kind: 'capability', capability: 'vision' }],
  ['cap:vision/ocr', { kind: 'capability', capability: 'vision/ocr' }]
]

describe('a target', () => {
  it.each(cases)('%s is read and written back', (text, target) => {
    expect(parseTarget(text)).toEqual(target)
    expect(formatTarget(target)).toBe(text)
  })

  it.each([
    '',
    '/',
    'alice/',
    '/web',
    'alice/web/more',
    'alice web',
    'Alice',
    'alice/Web',
    'alice:8080',
    'http://alice',
    'cap:',
    'cap:a//b',
    'cap:Vision',
    'cap',
    'mesh',
    'local/web',
    `${peerId}x`,
    `${peerId}/`,
    '../etc/passwd',
    'a'.repeat(100_000)
  ])('is not %.60j', (text) => {
    expect(() => parseTarget(text)).toThrow(refused)
  })

  it('says what is wrong in a message of bounded length that no terminal acts on', () => {
    expect(() => parseTarget('cap:a//b')).toThrow('a part is empty')
    try {
      parseTarget(`\u001b]0;${'x'.repeat(5_000)}`)
      expect.fail('it was taken')
    } catch (err) {
      expect(err).toBeInstanceOf(MeshError)
      expect(String(err).length).toBeLessThan(500)
      expect(String(err)).not.toContain('\u001b')
    }
  })

  it('comes back as it went for whatever is accepted', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8})?$/)
    const capability = fc.array(fc.stringMatching(/^[a-z0-9_-]{1,8}$/), { minLength: 1, maxLength: 4 })
    const text = fc.oneof(
      label,
      fc.tuple(fc.oneof(label, fc.constant(peerId)), label).map((parts) => parts.join('/')),
      capability.map((parts) => `cap:${parts.join('/')}`),
      fc.string({ maxLength: 30 })
    )
    let taken = 0
    fc.assert(
      fc.property(text, (one) => {
        let target: Target
        try {
          target = parseTarget(one)
        } catch (err) {
          if (!(err instanceof MeshError)) throw err
          return
        }
        taken++
        expect(formatTarget(target)).toBe(one)
      }),
      { numRuns: 2_000 }
    )
    expect(taken).toBeGreaterThan(500)
  })
})
