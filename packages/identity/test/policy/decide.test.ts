import { describe, expect, it } from 'vitest'
import { base36 } from 'multiformats/bases/base36'
import { compilePolicy, decide, parsePolicy } from '@agent-mesh/identity'
import { idOf, keyOf, nowMs } from '../network-fixture.ts'
import { asks, peerIdOf, someone } from './policy-fixture.ts'

const alice = someone('alice')
const bob = someone('bob')

describe('a decision', () => {
  it('denies what no grant allows, and says who asked for what', () => {
    const decision = asks('grants: []', bob, alice)
    expect(decision).toEqual({ allowed: false, rule: 'none of 0 grants lets bob use web of alice' })
  })

  it('names grant and line that allow', () => {
    const source =
      'grants:\n  - {from: carol, to: alice, services: web}\n  - {from: [ops, bob], to: alice, services: web}\n'
    expect(asks(source, bob, alice)).toEqual({
      allowed: true,
      rule: 'grant 2, line 3: from ops, bob to alice',
      line: 3
    })
  })

  it('names the first of several grants that allow', () => {
    const source =
      'grants:\n  - {from: members, to: alice, services: [web]}\n  - {from: bob, to: members, services: "*"}\n'
    expect(asks(source, bob, alice)).toMatchObject({ line: 2 })
    expect(asks(source, bob, someone('carol'))).toMatchObject({ line: 3 })
  })

  it('goes from caller to callee and not back', () => {
    const source = 'grants: [{from: bob, to: alice, services: web}]'
    expect(asks(source, bob, alice).allowed).toBe(true)
    expect(asks(source, alice, bob).allowed).toBe(false)
  })

  it('keeps to the services that are named', () => {
    const source = 'grants: [{from: bob, to: alice, services: [web, api]}]'
    expect(['web', 'api', 'ssh'].map((service) => asks(source, bob, alice, service).allowed)).toEqual([
      true,
      true,
      false
    ])
    expect(asks("grants: [{from: bob, to: alice, services: '*'}]", bob, alice, 'ssh').allowed).toBe(true)
  })

  it('covers a capability with its descendants, not with its ancestors or neighbours', () => {
    const source = 'grants: [{from: bob, to: alice, capabilities: language_processing/translation}]'
    const may = (...capabilities: string[]) => asks(source, bob, alice, 'web', capabilities).allowed
    expect(may('language_processing/translation')).toBe(true)
    expect(may('vision', 'language_processing/translation/legal')).toBe(true)
    expect(may('language_processing')).toBe(false)
    expect(may('language_processing/translations')).toBe(false)
    expect(may()).toBe(false)
  })

  it('knows a peer id in each of its forms', async () => {
    const peerId = await peerIdOf(20)
    const other = idOf(await keyOf(20))
      .toCID()
      .toString(base36)
    for (const text of [peerId, other, `peer:${peerId}`]) {
      const source = `grants: [{from: "${text}", to: alice, services: web}]`
      expect(asks(source, someone('x', [], peerId), alice).allowed).toBe(true)
      expect(asks(source, someone('x', [], await peerIdOf(21)), alice).allowed).toBe(false)
    }
  })

  it('takes a group from certificates where the file has none of that name', () => {
    const source = 'grants: [{from: ops, to: group:web-servers, services: web}]'
    expect(asks(source, someone('x', ['ops']), someone('y', ['web-servers'])).allowed).toBe(true)
    expect(asks(source, someone('x', ['ops']), someone('web-servers')).allowed).toBe(false)
  })

  it('lets a group of the file hide that of certificates', () => {
    const source = 'groups: {ops: [bob]}\ngrants: [{from: ops, to: alice, services: web}]'
    expect(asks(source, bob, alice).allowed).toBe(true)
    expect(asks(source, someone('mallory', ['ops']), alice).allowed).toBe(false)
  })

  it('never takes a name for a group, nor a group for a name, where the kind is written', () => {
    const byGroup = 'grants: [{from: group:ops, to: alice, services: web}]'
    expect(asks(byGroup, someone('ops'), alice).allowed).toBe(false)
    const byName = 'groups: {ops: [carol]}\ngrants: [{from: name:ops, to: alice, services: web}]'
    expect(asks(byName, someone('ops'), alice).allowed).toBe(true)
    expect(asks(byName, someone('carol', ['ops']), alice).allowed).toBe(false)
  })

  it('follows groups within groups', () => {
    const source = `
groups:
  all: [inner, dave]
  inner: [group:ops, innermost]
  innermost: [bob]
grants:
  - {from: all, to: alice, services: web}
`
    for (const caller of [bob, someone('dave'), someone('x', ['ops'])]) {
      expect(asks(source, caller, alice).allowed).toBe(true)
    }
    expect(asks(source, someone('x'), alice).allowed).toBe(false)
  })

  it('ends a grant with the millisecond that it names, and goes on with a later one', () => {
    const until = new Date(nowMs).toISOString()
    const source = `grants:
  - {from: bob, to: alice, services: web, until: ${until}}
  - {from: bob, to: alice, services: web, until: ${new Date(nowMs + 1000).toISOString()}}
  - {from: members, to: alice, services: web}
`
    const line = (atMs: number) => asks(source, bob, alice, 'web', [], atMs).line
    expect([nowMs - 1, nowMs, nowMs + 999, nowMs + 1000].map(line)).toEqual([2, 3, 3, 4])
  })

  it('reads any spelling of a scalar as the name that it is', () => {
    for (const name of ['007', 'no', 'null', 'true', '1e3']) {
      expect(asks(`grants: [{from: ${name}, to: alice, services: web}]`, someone(name), alice).allowed).toBe(true)
    }
  })

  it('keeps what is not text out of its answer', () => {
    const rule = asks('grants: []', someone('x', [], ''), alice, 'web\u001b[31m').rule
    expect(rule).toBe(String.raw`none of 0 grants lets x use web\u{1b}[31m of alice`)
  })
})

const policyFor = (peerId: string, successors: Array<[string, string]>) => {
  const source = `groups: {g: ["${peerId}"]}\ngrants: [{from: g, to: "${peerId}", services: web}]`
  return compilePolicy(parsePolicy(source), { successors: new Map(successors) })
}
const may = (policy: ReturnType<typeof policyFor>, peerId: string) =>
  decide(policy, {
    caller: someone('x', [], peerId),
    callee: someone('y', [], peerId),
    service: 'web',
    capabilities: [],
    nowMs
  }).allowed

describe('a succession', () => {
  it('moves grants and group memberships to the last key, and away from those before', async () => {
    const [a, b, c] = [await peerIdOf(30), await peerIdOf(31), await peerIdOf(32)]
    const policy = policyFor(a, [
      [a, b],
      [b, c]
    ])
    expect([a, b, c].map((peerId) => may(policy, peerId))).toEqual([false, false, true])
  })

  it('moves nothing where it goes in a circle', async () => {
    const [a, b] = [await peerIdOf(30), await peerIdOf(31)]
    const policy = policyFor(a, [
      [a, b],
      [b, a]
    ])
    expect([a, b].map((peerId) => may(policy, peerId))).toEqual([true, false])
  })
})
