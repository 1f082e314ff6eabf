import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ambiguousSkill,
  formatHostName,
  isMeshHost,
  limits,
  parseHostName,
  parseSuffix,
  parseTarget,
  skillPaths,
  toBase36,
  type HostName,
  type Target
} from '@agent-mesh/wire'

const base58 = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
const base36 = toBase36(base58)
const refused = expect.objectContaining({ name: 'MeshError', code: 'TARGET_INVALID' })

const cases: Array<[string, HostName]> = [
  ['alice.mesh', { kind: 'name', name: 'alice' }],
  ['ALICE.Mesh', { kind: 'name', name: 'alice' }],
  ['alice.mesh.', { kind: 'name', name: 'alice' }],
  ['web.alice.mesh', { kind: 'name', name: 'alice', service: 'web' }],
  ['capable.mesh', { kind: 'name', name: 'capable' }],
  [`${base36}.mesh`, { kind: 'peer', peerId: base36 }],
  [`${base36.toUpperCase()}.MESH`, { kind: 'peer', peerId: base36 }],
  [`ssh.${base36}.mesh`, { kind: 'peer', peerId: base36, service: 'ssh' }],
  ['translation.cap.mesh', { kind: 'skill', parts: ['translation'] }],
  ['translation.language_processing.cap.mesh', { kind: 'skill', parts: ['language_processing', 'translation'] }],
  ['ocr.x-acme.Cap.mesh.', { kind: 'skill', parts: ['x-acme', 'ocr'] }]
]

describe('a host name', () => {
  it.each(cases)('%s is read', (host, expected) => {
    expect(parseHostName(host)).toEqual(expected)
  })

  it.each([
    'example.com',
    'mesh.example.com',
    'alicemesh',
    'alice.mesh.example',
    'alice.mesh..',
    '',
    '.',
    'localhost',
    '127.0.0.1',
    '::1'
  ])('%j is not of the mesh', (host) => {
    expect(isMeshHost(host)).toBe(false)
    expect(parseHostName(host)).toBeUndefined()
  })

  it.each([
    'mesh',
    'mesh.',
    '.mesh',
    'alice..mesh',
    '..mesh',
    'cap.mesh',
    'mesh.mesh',
    'local.mesh',
    'localhost.mesh',
    'web.cap.alice.mesh',
    'a.web.alice.mesh',
    'cap.alice.mesh',
    'al ice.mesh',
    'al_ice.mesh',
    '-alice.mesh',
    'älice.mesh',
    'аlice.mesh',
    'xn--lice-moa.mesh',
    'xn--lice-moa.cap.mesh',
    'alice\0.mesh',
    'user@alice.mesh',
    'alice/web.mesh',
    'alice%2eweb.mesh',
    `${base58}.mesh`,
    `web.${base58.toLowerCase()}.mesh`,
    `${'a'.repeat(64)}.mesh`,
    `${'a.'.repeat(130)}cap.mesh`,
    `${'a.'.repeat(limits.capabilityDepth + 1)}cap.mesh`,
    `${'x'.repeat(100_000)}.mesh`
  ])('%.60j is refused', (host) => {
    expect(() => parseHostName(host)).toThrow(refused)
  })

  it('says the base36 form of a peer id that was typed in base58', () => {
    expect(() => parseHostName(`${base58}.mesh`)).toThrow(
      expect.objectContaining({ hint: `Write the same id in base36: ${base36}` })
    )
  })

  it('takes another suffix, of one or more labels', () => {
    expect(parseHostName('web.alice.agents.internal', 'agents.internal')).toEqual({
      kind: 'name',
      name: 'alice',
      service: 'web'
    })
    expect(parseHostName('alice.mesh', 'agents.internal')).toBeUndefined()
    expect(parseSuffix('agents.internal')).toBe('agents.internal')
  })

  it.each(['', '.', '.mesh', 'mesh.', 'Mesh', 'me sh', '-a', 'localhost', '1.2', '127.0.0.1', 'a'.repeat(64)])(
    '%.20j cannot be a suffix',
    (text) => {
      expect(() => parseSuffix(text)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
    }
  )

  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/).filter((text) => {
    try {
      return !text.startsWith('xn--') && !text.startsWith('12d3koow') && parseTarget(text).kind === 'name'
    } catch {
      return false
    }
  })
  const target: fc.Arbitrary<Target> = fc.oneof(
    fc.record({ kind: fc.constant('name' as const), name: label, service: label }),
    fc.record({ kind: fc.constant('name' as const), name: label }),
    fc.record({ kind: fc.constant('peer' as const), peerId: fc.constant(base36), service: label }),
    fc.record({
      kind: fc.constant('capability' as const),
      capability: fc
        .array(
          fc.stringMatching(/^[a-z0-9_-]{1,12}$/).filter((part) => !part.startsWith('xn--')),
          {
            minLength: 1,
            maxLength: limits.capabilityDepth
          }
        )
        .map((parts) => parts.join('/'))
    })
  )
  const suffixes = fc.constantFrom('mesh', 'agents.internal', 'm')

  it('is the target that it was made of, in any case', () => {
    fc.assert(
      fc.property(target, suffixes, fc.boolean(), (one, suffix, isUpper) => {
        const host = formatHostName(one, suffix)
        const read = parseHostName(isUpper ? `${host.toUpperCase()}.` : host, suffix)
        expect(read).toEqual(one.kind === 'capability' ? { kind: 'skill', parts: one.capability.split('/') } : one)
        expect(parseTarget(host, suffix)).toEqual(one)
      })
    )
  })

  it('never throws anything but a refusal of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.boolean(), (text, isInside) => {
        try {
          parseHostName(isInside ? `${text}.mesh` : text)
        } catch (err) {
          expect(err).toEqual(refused)
          expect(String(err).length).toBeLessThan(1_200)
        }
      })
    )
  })
})

describe('a skill', () => {
  const inUse = ['language_processing/translation', 'language_processing', 'vision', 'x-acme/vision', 'a/b/vision']

  it.each([
    [['translation'], ['language_processing/translation']],
    [['language_processing', 'translation'], ['language_processing/translation']],
    [['language_processing'], ['language_processing']],
    [['vision'], ['a/b/vision', 'vision', 'x-acme/vision']],
    [['b', 'vision'], ['a/b/vision']],
    [['nslation'], []],
    [['nobody', 'knows'], []]
  ])('%j means %j', (parts, paths) => {
    expect(skillPaths(parts, inUse)).toEqual(paths)
  })

  it('of several parts that is in use means itself, whatever ends alike', () => {
    expect(skillPaths(['b', 'vision'], [...inUse, 'b/vision'])).toEqual(['b/vision'])
  })

  it('that may be several is refused with all of them, as host names too', () => {
    expect(ambiguousSkill(['vision'], ['a/b/vision', 'x-acme/vision'])).toMatchObject({
      code: 'CAPABILITY_AMBIGUOUS',
      message: '"vision" may be any of a/b/vision, x-acme/vision.',
      hint: 'Write all its parts, leaf first: vision.b.a.cap.mesh, vision.x-acme.cap.mesh'
    })
  })
})

describe('a target may be a host name', () => {
  it.each<[string, Target]>([
    ['alice.mesh', { kind: 'name', name: 'alice' }],
    ['alice.mesh/web', { kind: 'name', name: 'alice', service: 'web' }],
    ['web.alice.mesh', { kind: 'name', name: 'alice', service: 'web' }],
    [`${base36}.mesh/web`, { kind: 'peer', peerId: base36, service: 'web' }],
    ['b.a.cap.mesh', { kind: 'capability', capability: 'a/b' }]
  ])('%s', (text, expected) => {
    expect(parseTarget(text)).toEqual(expected)
  })

  it.each(['web.alice.mesh/ssh', 'a.cap.mesh/web', 'alice.example', 'alice.mesh/', 'alice.mesh.mesh.mesh'])(
    'but not %s',
    (text) => {
      expect(() => parseTarget(text)).toThrow(refused)
    }
  )
})
