import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { parsePolicy } from '@agent-mesh/identity'
import { refusal } from './policy-fixture.ts'

const grant = 'grants: [{from: bob, to: alice, services: web}]\n'

describe('a file that is refused', () => {
  it.each([
    ['nothing in it', '', 'p.yaml:1:1: it is empty; write grants: [] to deny everything'],
    ['a list', '- a\n', 'p.yaml:1:1: a policy should stand here; write key: value'],
    ['no grants', 'groups: {a: [bob]}\n', 'p.yaml:1:1: it has no grants; write grants: [] to deny everything'],
    ['an unknown key', `${grant}grps: {}\n`, 'p.yaml:2:1: "grps" is no key of a policy; did you mean groups'],
    [
      'an unknown key far from any',
      `${grant}zzzzzz: 1\n`,
      'p.yaml:2:1: "zzzzzz" is no key of a policy; known here: version, groups, grants, tests'
    ],
    [
      'an unknown key of a grant',
      'grants:\n  - form: bob\n    to: alice\n    services: web\n',
      'p.yaml:2:5: "form" is no key of a grant; did you mean from'
    ],
    ['a key twice', `${grant}${grant}`, 'p.yaml:2:1: "grants" stands on line 1 already; join the two'],
    [
      'a group twice',
      `groups:\n  a: [bob]\n  a: [carol]\n${grant}`,
      'p.yaml:3:3: "a" stands on line 2 already; join the two'
    ],
    [
      'a group without members',
      `groups:\n  a:\n${grant}`,
      'p.yaml:2:3: "a" has no members; write [] for an empty group'
    ],
    [
      'a newer language',
      `version: 2\n${grant}`,
      'p.yaml:1:10: this version of mesh-node reads version 1 of the language, not "2"; update mesh-node'
    ],
    [
      'a star without quotes',
      'grants: [{from: bob, to: alice, services: *}]',
      "p.yaml:1:43: * alone is an alias to YAML; write '*' with its quotation marks"
    ],
    [
      'a star for everybody',
      "grants: [{from: '*', to: alice, services: web}]",
      'p.yaml:1:17: "*" is no subject; write members for everybody'
    ],
    [
      'a pattern of services',
      "grants: [{from: bob, to: alice, services: 'api-*'}]",
      `p.yaml:1:43: "api-*" is no service name; write exact names, or '*' for all`
    ],
    [
      'a service that no node could have',
      'grants: [{from: bob, to: alice, services: Web_Server}]',
      'p.yaml:1:43: "Web_Server" is no service name: it is not one label of a-z, 0-9 and inner hyphens'
    ],
    [
      'a malformed capability',
      'grants: [{from: bob, to: alice, capabilities: a//b}]',
      'p.yaml:1:47: "a//b" is not a capability: a part is empty'
    ],
    [
      'neither service nor capability',
      'grants:\n  - {from: bob, to: alice}',
      "p.yaml:2:5: grant 1 names neither services nor capabilities; write services: '*' for all of them"
    ],
    [
      'no callee',
      'grants:\n  - from: bob\n    services: web',
      'p.yaml:2:5: grant 1 has no to; write members for everybody'
    ],
    [
      'a name with capitals',
      'grants: [{from: Bob, to: alice, services: web}]',
      'p.yaml:1:17: "Bob" is no member name: it is not one label of a-z, 0-9 and inner hyphens; did you mean bob'
    ],
    [
      'a peer id that is none',
      'grants: [{from: "peer:12D3", to: alice, services: web}]',
      'p.yaml:1:17: "12D3" is no peer id of an Ed25519 key; copy it from mesh-node peers'
    ],
    [
      'a day for a time',
      'grants: [{from: bob, to: alice, services: web, until: 2027-01-31}]',
      'p.yaml:1:55: "2027-01-31" is no time with its zone; did you mean 2027-01-31T00:00:00Z'
    ],
    [
      'a day that no month has',
      'grants: [{from: bob, to: alice, services: web, until: 2027-02-30T00:00:00Z}]',
      'p.yaml:1:55: "2027-02-30T00:00:00Z" is on no calendar; example: 2027-01-31T18:00:00Z'
    ],
    [
      'a map for a subject',
      'grants: [{from: {name: bob}, to: alice, services: web}]',
      'p.yaml:1:17: a peer id, name or group, or a list of them, should stand here'
    ],
    [
      'a list in a list',
      'grants: [{from: [[bob]], to: alice, services: web}]',
      'p.yaml:1:18: a peer id, name or group should stand here'
    ],
    [
      'grants that are a map',
      'grants: {from: bob}',
      'p.yaml:1:9: a list of grants should stand here; begin each with a hyphen'
    ],
    [
      'broken YAML',
      'grants: [\n',
      'p.yaml:2:1: it is no YAML: flow sequence in block collection must be sufficiently indented and end with a ]'
    ],
    ['two documents', `${grant}---\n${grant}`, 'p.yaml:2:1: a policy is one document, and --- begins a second one'],
    [
      'an anchor',
      'grants: [{from: &x bob, to: alice, services: web}]',
      'p.yaml:1:20: a policy has no anchors and no tags; write the value alone'
    ],
    [
      'an alias',
      'groups: {a: &x [bob]}\ngrants: [{from: *x, to: alice, services: web}]',
      'p.yaml:2:17: a policy has no aliases; write the list out, or name a group'
    ],
    [
      'a tag',
      'grants: [{from: !!str bob, to: alice, services: web}]',
      'p.yaml:1:23: a policy has no anchors and no tags; write the value alone'
    ],
    [
      'a group of itself',
      `groups: {a: [a]}\n${grant}`,
      'p.yaml:1:14: groups contain each other (a → a); take a out of a'
    ],
    [
      'a circle of groups',
      `groups:\n  a: [b]\n  b: [bob, c]\n  c: [a]\n${grant}`,
      'p.yaml:4:7: groups contain each other (a → b → c → a); take a out of c'
    ],
    [
      'a test without an end',
      `${grant}tests: [{from: bob, to: alice, service: web}]`,
      'p.yaml:2:9: a test has no expect; example: {from: bob, to: alice, service: web, expect: allow}'
    ],
    [
      'a test that expects something else',
      `${grant}tests: [{from: bob, to: alice, service: web, expect: maybe}]`,
      'p.yaml:2:54: "maybe" is neither allow nor deny'
    ]
  ])('has %s: it is told where and what instead', (_what, source, problem) => {
    expect(refusal(source).problems).toContain(problem)
  })

  it('is told in one sentence, with the suggestion as the next step', () => {
    const { message, hint } = refusal(`${grant}grps: {}\n`)
    expect(message).toBe('p.yaml:2:1: "grps" is no key of a policy; did you mean groups.')
    expect(hint).toBe('Did you mean groups?')
  })

  it('is told everything at once, in the order of the file', () => {
    const source = 'version: 9\ngrants:\n  - {from: Bob, to: alice, services: we_b}\n  - {form: bob}\nx: 1\n'
    const { message, problems } = refusal(source)
    expect(message).toMatch(/ \(and \d more\)\.$/)
    expect(problems.map((one) => one.split(':')[1])).toEqual(['1', '3', '3', '4', '4', '4', '4', '5'])
  })
})

const withGrants = (count: number): string =>
  `grants:\n${Array.from({ length: count }, (_, i) => `- {from: a${i}, to: b, services: web}\n`).join('')}`
const withGroups = (count: number): string =>
  `groups:\n${Array.from({ length: count }, (_, i) => `  g${i}: [bob]\n`).join('')}${grant}`
const test = '- {from: bob, to: alice, service: web, expect: allow}\n'
const list = (letter: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${letter}${i}`).join(',')
const withRules = (most: number): string =>
  `grants: [{from: [${list('a', 256)}], to: [${list('b', most / 256)}], services: web}`
const nested = (members: number): string => {
  const chain = Array.from({ length: 256 }, (_, i) => `  g${i}: [g${i + 1}]\n`).join('')
  return `groups:\n${chain}  g256: [${list('name:m', members)}]\n${grant}`
}

describe('the limits of a file', () => {
  it.each([
    ['grants', withGrants(limits.policyGrants), withGrants(limits.policyGrants + 1)],
    ['groups', withGroups(limits.policyGroups), withGroups(limits.policyGroups + 1)],
    [
      'tests',
      `${grant}tests:\n${test.repeat(limits.policyTests)}`,
      `${grant}tests:\n${test.repeat(limits.policyTests + 1)}`
    ],
    [
      'combinations',
      `${withRules(limits.policyRules)}]`,
      `${withRules(limits.policyRules)}, {from: x, to: y, services: web}]`
    ],
    // 256 · 257 / 2 for the groups themselves, and 257 for each member of the innermost
    ['memberships', nested(127), nested(128)],
    [
      'bytes',
      `#${'x'.repeat(limits.policyBytes - grant.length - 2)}\n${grant}`,
      `#${'x'.repeat(limits.policyBytes - grant.length - 1)}\n${grant}`
    ]
  ])('of %s: so many and no more', (_what, most, more) => {
    expect(() => parsePolicy(most)).not.toThrow()
    expect(refusal(more).message).toMatch(/are allowed|have more than/)
  })

  it.each([
    ['lists in lists', '['.repeat(limits.policyBytes)],
    ['maps in maps', '{a: '.repeat(limits.policyBytes / 4)],
    ['maps that are not indented', 'a: '.repeat(limits.policyBytes / 4)],
    [
      'a billion laughs',
      `a: &a [x,x,x,x]\n${Array.from({ length: 25 }, (_, i) => `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [*${String.fromCharCode(97 + i)},*${String.fromCharCode(97 + i)}]\n`).join('')}`
    ],
    ['thousands of keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join('')],
    ['one key, thousands of times', 'a: 1\n'.repeat(50_000)]
  ])('hold against %s', { timeout: 20_000 }, (_what, source) => {
    expect(refusal(source).problems.length).toBeLessThanOrEqual(100)
  })
})
