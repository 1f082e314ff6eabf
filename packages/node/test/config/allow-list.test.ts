import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { createAllowList, parseSubject } from '../../src/config/allow-list.ts'

const peerId = '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ'
const base36 = 'k51qzi5uqu5dhjjqhrgzz64wsn1ypv5i0ckpiz4ugo2nd4wlh0uoyqcl1we1py'
const bob = { peerId, name: 'bob', groups: ['ops', 'eu'] }
const eve = { peerId: '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5', name: 'eve', groups: [] }

describe('whom a service is for', () => {
  it.each([
    [['bob'], true],
    [[peerId], true],
    [['group:ops'], true],
    [['ops'], true],
    [['members'], true],
    [['eve', 'group:eu'], true],
    [['eve'], false],
    [['group:bob'], false],
    [['group:op'], false],
    [[eve.peerId], false]
  ])('%j: bob %s', (subjects, isAllowed) => {
    expect(createAllowList(subjects).allows(bob)).toBe(isAllowed)
  })

  it('keeps a member out that took the name of a group, where the list says group', () => {
    const impostor = { ...eve, name: 'ops' }
    expect(createAllowList(['group:ops']).allows(impostor)).toBe(false)
    expect(createAllowList(['ops']).allows(impostor)).toBe(true)
  })

  it('keeps one spelling of a peer id, and each subject once', () => {
    const { subjects } = createAllowList([base36, parseSubject(base36), 'ops', 'ops', 'group:ops'])
    expect(subjects).toEqual([expect.stringMatching(/^12D3KooW/), 'ops', 'group:ops'])
  })

  it.each(['', 'Bob', 'group:', 'group:Ops', 'group:members', 'cap:a', 'a b', 'local', '*', `${peerId}x`])(
    'does not know %j',
    (text) => {
      expect(() => parseSubject(text)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
    }
  )

  it('has a limit', () => {
    const names = Array.from({ length: limits.allowedSubjects + 1 }, (_, i) => `agent-${i}`)
    expect(createAllowList(names.slice(1)).subjects).toHaveLength(limits.allowedSubjects)
    expect(() => createAllowList(names)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })
})
