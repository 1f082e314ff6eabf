import { describe, expect, it } from 'vitest'
import { compilePolicy, decide, parsePolicy, qualifyPolicy, type PolicyDirectory } from '@agent-mesh/identity'
import { nowMs } from '../network-fixture.ts'
import { directory, peerIdOf, refusal, someone, warningsOf } from './policy-fixture.ts'

const soon = new Date(nowMs + 60_000).toISOString()

describe('names that nobody has', () => {
  it('are refused where they are bare, with the one that was meant', () => {
    const { problems, hint } = refusal('grants:\n  - {from: opss, to: carl, services: web}', directory)
    expect(problems).toEqual([
      'p.yaml:2:12: "opss" is neither a known member nor a known group; did you mean ops',
      'p.yaml:2:22: "carl" is neither a known member nor a known group; did you mean carol'
    ])
    expect(hint).toBe('Did you mean ops?')
  })

  it('are told how to be written where they are yet to come, and then warned of', async () => {
    const [problem] = refusal('grants: [{from: zacharias, to: bob, services: web}]', directory).problems
    expect(problem).toContain('write name:zacharias or group:zacharias for one that is yet to come')
    const peerId = await peerIdOf(99)
    const words = ['name:zacharias', 'group:zacharias', peerId]
    for (const word of words) {
      expect(warningsOf(`grants: [{from: "${word}", to: bob, services: web}]`, directory)).toEqual([
        `p.yaml:1:17: "${word}" is not known here.`
      ])
    }
  })

  it('are refused in groups and in tests too', () => {
    const source =
      'groups: {g: [boob]}\ngrants: [{from: g, to: bob, services: web}]\ntests: [{from: malory, to: bob, service: web, expect: deny}]'
    expect(refusal(source, directory).problems.map((one) => one.slice(0, 11))).toEqual(['p.yaml:1:14', 'p.yaml:3:16'])
  })

  it('are warned of where nobody is known at all', () => {
    expect(warningsOf('grants: [{from: opss, to: group:web-servers, services: web}]')).toEqual([
      'p.yaml:1:17: "opss" holds for a member of that name and for the certificate group; write name:opss or group:opss.'
    ])
  })
})

const grantFrom = (word: string): string => `grants: [{from: "${word}", to: bob, services: web}]`

describe('a word that is a member and a group', () => {
  const both: PolicyDirectory = { members: [...directory.members, someone('ops', [], 'x')] }

  it('is refused until its kind is written', () => {
    const [problem] = refusal(grantFrom('ops'), both).problems
    expect(problem).toBe('p.yaml:1:17: "ops" is a group and a member; write group:ops or name:ops')
    for (const word of ['group:ops', 'name:ops']) expect(warningsOf(grantFrom(word), both)).toEqual([])
  })

  it('is refused where the group is one of the file', () => {
    const source = 'groups: {alice: [bob]}\ngrants: [{from: alice, to: bob, services: web}]'
    expect(refusal(source, directory).problems).toEqual([
      'p.yaml:2:17: "alice" is a group and a member; write group:alice or name:alice'
    ])
  })

  it('is warned of where a group of the file hides one of certificates', () => {
    const source = 'groups: {ops: [bob]}\ngrants: [{from: ops, to: carol, services: web}]'
    expect(warningsOf(source, directory)).toEqual([
      'p.yaml:1: group "ops" hides the group of that name in certificates.'
    ])
  })
})

describe('grants that can never decide', () => {
  it.each([
    ['an empty list', 'grants: [{from: [], to: bob, services: web}]', 'grant 1 holds for nobody: its from is empty'],
    [
      'an empty group',
      'groups: {g: [h], h: []}\ngrants: [{from: bob, to: g, services: web}]',
      'grant 1 holds for nobody: its to is empty'
    ],
    ['no service', 'grants: [{from: bob, to: alice, services: []}]', 'grant 1 is for no service and no capability'],
    [
      'a past end',
      'grants: [{from: bob, to: alice, services: web, until: 2020-01-01T00:00:00Z}]',
      'grant 1 ended at 2020-01-01T00:00:00.000Z'
    ],
    [
      'the same grant twice',
      'grants:\n- {from: bob, to: alice, services: web}\n- {from: bob, to: alice, services: web}',
      'grant 2 adds nothing: line 2 allows it already'
    ],
    [
      'a broader one before',
      "grants:\n- {from: members, to: alice, services: '*'}\n- {from: bob, to: alice, services: web}",
      'grant 2 adds nothing: line 2 allows it already'
    ],
    [
      'a group that holds the caller before',
      'groups: {g: [h], h: [bob, x]}\ngrants:\n- {from: g, to: alice, services: web}\n- {from: bob, to: alice, services: web}',
      'grant 2 adds nothing: line 3 allows it already'
    ],
    [
      'a group of the same people before',
      'groups: {g: [bob], h: [bob, x]}\ngrants:\n- {from: h, to: alice, services: web}\n- {from: g, to: alice, services: web}',
      'grant 2 adds nothing: line 3 allows it already'
    ],
    [
      'several before that do it together',
      'grants:\n- {from: bob, to: alice, services: web}\n- {from: carol, to: alice, services: web}\n- {from: [bob, carol], to: alice, services: web}',
      'grant 3 adds nothing: line 2 allows it already'
    ],
    [
      'an ancestor before',
      'grants:\n- {from: bob, to: alice, capabilities: a}\n- {from: bob, to: alice, capabilities: a/b}',
      'grant 2 adds nothing: line 2 allows it already'
    ],
    [
      'one that ends later before',
      `grants:\n- {from: bob, to: alice, services: web}\n- {from: bob, to: alice, services: web, until: ${soon}}`,
      'grant 2 adds nothing: line 2 allows it already'
    ]
  ])('are refused: %s', (_what, source, problem) => {
    expect(refusal(source).problems.map((one) => one.replace(/^\S+ /, '').replace(/;.*/, ''))).toEqual([problem])
  })

  it.each([
    [
      'another service',
      'grants:\n- {from: members, to: alice, services: web}\n- {from: bob, to: alice, services: api}'
    ],
    ['another callee', 'grants:\n- {from: members, to: alice, services: web}\n- {from: bob, to: carol, services: web}'],
    [
      'a broader one behind',
      "grants:\n- {from: bob, to: alice, services: web}\n- {from: members, to: alice, services: '*'}"
    ],
    [
      'a descendant before',
      'grants:\n- {from: bob, to: alice, capabilities: a/b}\n- {from: bob, to: alice, capabilities: a}'
    ],
    [
      'one that ends sooner before',
      `grants:\n- {from: bob, to: alice, services: web, until: ${soon}}\n- {from: bob, to: alice, services: web}`
    ],
    [
      'half of it before',
      'grants:\n- {from: bob, to: alice, services: web}\n- {from: [bob, carol], to: alice, services: web}'
    ],
    [
      'a name before a word that may be a group',
      'grants:\n- {from: name:ops, to: alice, services: web}\n- {from: ops, to: alice, services: web}'
    ]
  ])('are not: %s', (_what, source) => {
    expect(() => warningsOf(source)).not.toThrow()
  })
})

describe('a warning', () => {
  it('is given for a policy that allows everything', () => {
    expect(warningsOf("grants:\n- {from: members, to: members, services: '*'}")).toEqual([
      'p.yaml:2: every member may use every service of every member.'
    ])
  })

  it('is given for a policy that allows nothing', () => {
    expect(warningsOf('grants: []')).toEqual(['p.yaml has no grants: every member is denied everything.'])
  })
})

describe('tests of a file', () => {
  const grants = `groups:
  web: [carol, name:dave]
grants:
  - {from: group:ops, to: web, services: [web]}
  - {from: members, to: members, capabilities: vision}
`
  const withTest = (test: string): string => `${grants}tests:\n  - ${test}\n`

  it.each([
    '{from: group:ops, to: web, service: web, expect: allow}',
    '{from: alice, to: carol, service: web, expect: allow}',
    '{from: {name: eve, groups: [ops]}, to: {name: dave}, service: web, expect: allow}',
    '{from: {groups: [ops]}, to: {groups: [web]}, service: web, expect: allow}',
    '{from: bob, to: carol, service: web, expect: deny}',
    '{from: members, to: carol, service: web, expect: deny}',
    '{from: {name: ops}, to: carol, service: web, expect: deny}',
    '{from: bob, to: alice, service: cam, capabilities: vision/ocr, expect: allow}',
    '{from: bob, to: alice, service: cam, capabilities: [sound], expect: deny}'
  ])('hold: %s', (test) => {
    expect(() => warningsOf(withTest(test), directory)).not.toThrow()
    const [was, other] = test.includes('allow') ? ['allow', 'deny'] : ['deny', 'allow']
    expect(refusal(withTest(test.replace(`expect: ${was}`, `expect: ${other}`)), directory).problems).toHaveLength(1)
  })

  it('that fail refuse the file, with the grant that is to blame', () => {
    expect(refusal(withTest('{from: alice, to: carol, service: web, expect: deny}'), directory).message).toBe(
      'p.yaml:7:5: test 1 expects deny, but grant 1, line 4: from group:ops to web allows it; mend the grants or the test.'
    )
    expect(refusal(withTest('{from: bob, to: carol, service: web, expect: allow}'), directory).message).toBe(
      'p.yaml:7:5: test 1 expects allow, but no grant allows it; mend the grants or the test.'
    )
  })

  it('know a member by its peer id', async () => {
    const test = `{from: {peer: ${await peerIdOf(12)}}, to: carol, service: web, expect: allow}`
    const source = `grants: [{from: ${await peerIdOf(12)}, to: carol, services: web}]\ntests:\n  - ${test}\n`
    expect(warningsOf(source, directory)).toEqual([])
    expect(refusal(source.replace('expect: allow', 'expect: deny'), directory).problems).toHaveLength(1)
  })
})

describe('writing the kinds down', () => {
  const source = `groups:
  mixed: [ops, "bob"]   # two kinds
grants:
  - from: [ops, 'carol', mixed, members]  # who
    to: group:web-servers
    services: [web]
  - {from: nobody-knows, to: bob, services: web}
`

  it('leaves lines, comments, and what needs no kind as they are', () => {
    expect(qualifyPolicy(parsePolicy(source), directory)).toBe(`groups:
  mixed: [group:ops, name:bob]   # two kinds
grants:
  - from: [group:ops, name:carol, mixed, members]  # who
    to: group:web-servers
    services: [web]
  - {from: nobody-knows, to: name:bob, services: web}
`)
  })

  it('keeps out who joins under the name of a group', () => {
    const question = { callee: someone('x', ['web-servers']), service: 'web', capabilities: [], nowMs }
    const isAllowed = (text: string): boolean =>
      decide(compilePolicy(parsePolicy(text)), { ...question, caller: someone('ops') }).allowed
    const narrow = source.replace(', members]', ']')
    expect(isAllowed(narrow)).toBe(true)
    expect(isAllowed(qualifyPolicy(parsePolicy(narrow), directory))).toBe(false)
  })

  it('leaves a word alone that is both', () => {
    const both = { members: [...directory.members, someone('ops')] }
    const text = 'grants: [{from: ops, to: members, services: web}]'
    expect(qualifyPolicy(parsePolicy(text), both)).toBe(text)
  })
})
