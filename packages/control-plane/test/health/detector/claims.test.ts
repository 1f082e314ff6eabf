import { describe, expect, it } from 'vitest'
import { suspicionBounds } from '../../../src/health/detector/index.ts'
import { Bench, lan } from './bench.ts'

const crowd = Array.from({ length: 9 }, (_, at) => `p${at}`)

/** Ten members, none of them a neighbour. */
const bench = (): Bench => new Bench().learn(...crowd)
const { minMs, maxMs } = suspicionBounds(lan, 10)

describe('what others say of a member', () => {
  it('one voice makes a suspect, and a death after the longest suspicion', () => {
    const mesh = bench()
    mesh.accuse('p1', 'p0')
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.run(maxMs - 1)
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.run(100)
    expect(mesh.stateOf('p0')).toBe('dead')
  })

  it('two more voices make it the shortest, and one voice that repeats itself does not', () => {
    const mesh = bench()
    mesh.accuse('p1', 'p0')
    for (let times = 0; times < 5; times++) mesh.accuse('p1', 'p0', { state: 'dead' })
    mesh.run(minMs + 100)
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.accuse('p2', 'p0')
    mesh.accuse('p3', 'p0')
    mesh.run(100)
    expect(mesh.stateOf('p0')).toBe('dead')
  })

  it('the claim that somebody is dead kills nobody at once', () => {
    const mesh = bench()
    for (const by of crowd.slice(1)) mesh.accuse(by, 'p0', { state: 'dead' })
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.run(minMs - 1)
    expect(mesh.stateOf('p0')).toBe('suspect')
  })

  it('a life that the member itself did not state cannot be accused: its digest is asked for', () => {
    const mesh = bench()
    const actions = mesh.accuse('p1', 'p0', { incarnation: 2 })
    expect(mesh.stateOf('p0')).toBe('alive')
    expect(actions).toEqual([{ do: 'want-digest', peer: 'p0', from: 'p1' }])
  })

  it('a life that is over cannot be accused', () => {
    const mesh = bench()
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 5, sequence: 1, timeMs: 0 })
    mesh.accuse('p1', 'p0', { incarnation: 4 })
    expect(mesh.stateOf('p0')).toBe('alive')
  })

  it('that it was dead, while it lived a newer life unheard, is told to it once', () => {
    const mesh = bench().connect('p0')
    mesh.accuse('p1', 'p0')
    mesh.run(maxMs + 100)
    expect(mesh.stateOf('p0')).toBe('dead')
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 5, sequence: 1, timeMs: mesh.nowMs })
    expect(mesh.stateOf('p0')).toBe('alive')
    const buried = { peerId: 'p0', state: 'dead', incarnation: 1 }
    const told = mesh.wanted('probe', mesh.run(30_000, { answering: ['p0'] })).map(({ claims }) => claims)
    expect(told[0]).toContainEqual(buried)
    expect(told.flat().filter(({ state }) => state === 'dead')).toEqual([buried])
  })

  it('the word of another raises nobody', () => {
    const mesh = bench()
    mesh.accuse('p1', 'p0')
    mesh.accuse('p2', 'p0', { state: 'alive', incarnation: 7 })
    expect(mesh.stateOf('p0')).toBe('suspect')
    expect(mesh.detector.of('p0')?.incarnation).toBe(1)
  })

  it.each(['suspect', 'dead'])('it refutes by a higher incarnation: %s', (state) => {
    const mesh = bench()
    mesh.accuse('p1', 'p0')
    if (state === 'dead') mesh.run(maxMs + 100)
    expect(mesh.stateOf('p0')).toBe(state)
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 2, sequence: 1, timeMs: 0 })
    expect(mesh.detector.of('p0')).toMatchObject({ state: 'alive', incarnation: 2, reason: 'it refuted' })
  })

  it('a digest of the same life that was made after the charge clears it, one from before does not', () => {
    const mesh = bench()
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 1, sequence: 1, timeMs: 0 })
    mesh.run(5_000)
    mesh.accuse('p1', 'p0')
    mesh.run(2_000)
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 1, sequence: 2, timeMs: 4_000 })
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 1, sequence: 3, timeMs: 6_900 })
    expect(mesh.stateOf('p0')).toBe('alive')
    mesh.accuse('p2', 'p0')
    mesh.tell({ is: 'digest', peer: 'p0', incarnation: 1, sequence: 3, timeMs: 20_000 })
    expect(mesh.stateOf('p0'), 'a digest that was seen before proves nothing').toBe('suspect')
  })

  it('what another was told is no second witness', () => {
    const mesh = bench()
    mesh.accuse('p1', 'p0', { isFirstHand: false })
    expect(mesh.stateOf('p0')).toBe('alive')
    mesh.accuse('p1', 'p0', { isFirstHand: false, state: 'dead' })
    expect(mesh.stateOf('p0'), 'and who was just heard is not buried by hearsay').toBe('alive')
    mesh.run(12_000)
    mesh.accuse('p1', 'p0', { isFirstHand: false, state: 'dead' })
    expect(mesh.stateOf('p0')).toBe('suspect')
  })

  it('the dead and those who left are no witnesses', () => {
    const mesh = bench()
    mesh.tell({ is: 'digest', peer: 'p1', incarnation: 1, sequence: 1, timeMs: 0, isLeaving: true })
    mesh.accuse('p1', 'p0')
    expect(mesh.stateOf('p0')).toBe('alive')
  })

  it('left is believed of the member itself and of nobody else, and ends with its next life', () => {
    const mesh = bench()
    mesh.accuse('p1', 'p0', { state: 'left' })
    expect(mesh.stateOf('p0')).toBe('alive')
    mesh.accuse('p0', 'p0', { state: 'left' })
    expect(mesh.stateOf('p0')).toBe('left')
    mesh.accuse('p1', 'p0')
    expect(mesh.stateOf('p0')).toBe('left')
    mesh.accuse('p0', 'p0', { state: 'alive', incarnation: 2 })
    expect(mesh.stateOf('p0')).toBe('alive')
  })

  it('who raises three false alarms alone is not heard for a minute, about that member', () => {
    const mesh = bench()
    let incarnation = 1
    for (; incarnation <= 3; incarnation++) {
      mesh.accuse('p1', 'p0', { incarnation })
      expect(mesh.stateOf('p0')).toBe('suspect')
      mesh.accuse('p0', 'p0', { state: 'alive', incarnation: incarnation + 1 })
    }
    mesh.accuse('p1', 'p0', { incarnation })
    expect(mesh.stateOf('p0')).toBe('alive')
    mesh.accuse('p1', 'p2')
    expect(mesh.stateOf('p2')).toBe('suspect')
    mesh.accuse('p3', 'p0', { incarnation })
    expect(mesh.stateOf('p0'), 'another is').toBe('suspect')
  })

  it('whoever nobody hears is suspected after three digests, and nobody is told', () => {
    const mesh = bench()
    mesh.run(30_000)
    expect(mesh.stateOf('p0')).toBe('alive')
    const actions = mesh.run(6_000)
    expect(mesh.stateOf('p0')).toBe('suspect')
    expect(mesh.wanted('spread', actions)).toEqual([])
  })
})

describe('what others say of this node', () => {
  it('is refuted unasked by one that stood still for as long as a suspicion lasts, and not by one that stood shorter', () => {
    const mesh = bench()
    mesh.run(5_000)
    mesh.nowMs += 3_000
    expect(mesh.wanted('refute', mesh.run(1_000))).toEqual([])
    mesh.nowMs += 6_000
    expect(mesh.wanted('refute', mesh.run(1_000))).toEqual([{ do: 'refute', incarnation: 2, accusers: [] }])
  })

  it('is refuted at once, by one more than what was claimed', () => {
    const mesh = bench()
    expect(mesh.wanted('refute', mesh.accuse('p1', 'me', { incarnation: 4 }))).toEqual([
      { do: 'refute', incarnation: 5, accusers: ['p1'] }
    ])
    expect(mesh.detector.incarnation).toBe(5)
    expect(mesh.detector.localHealth).toBe(1)
  })

  it('is not refuted twice', () => {
    const mesh = bench()
    mesh.accuse('p1', 'me')
    expect(mesh.accuse('p2', 'me')).toEqual([])
    expect(mesh.accuse('p2', 'me', { state: 'alive', incarnation: 2 })).toEqual([])
  })

  it('is refuted once, however many lives one message accuses', () => {
    const mesh = bench()
    const claims = [4, 5, 6].map((incarnation) => ({ peerId: 'me', state: 'suspect' as const, incarnation }))
    const actions = mesh.tell({ is: 'claims', by: 'p1', claims, isFirstHand: true })
    expect(mesh.wanted('refute', actions)).toEqual([{ do: 'refute', incarnation: 7, accusers: ['p1'] }])
  })

  it('where a life is accused that was refuted long ago, the present one is told anew, each five seconds at most', () => {
    const mesh = bench()
    mesh.accuse('p1', 'me')
    mesh.run(4_999)
    expect(mesh.accuse('p2', 'me', { state: 'dead' })).toEqual([])
    mesh.run(1)
    const again = { do: 'refute', incarnation: 2, accusers: ['p2'] }
    expect(mesh.accuse('p2', 'me', { state: 'dead' })).toEqual([again])
    expect(mesh.accuse('p3', 'me', { state: 'dead' })).toEqual([])
    mesh.run(5_000)
    expect(mesh.accuse('p3', 'me', { state: 'alive', incarnation: 1 }), 'that it lives is no accusation').toEqual([])
    expect(mesh.accuse('p3', 'me')).toHaveLength(1)
    expect(mesh.detector.incarnation).toBe(2)
  })

  it('a memory of an earlier life that was higher is outbid', () => {
    const mesh = bench()
    mesh.accuse('p1', 'me', { state: 'alive', incarnation: 9 })
    expect(mesh.detector.incarnation).toBe(10)
    expect(mesh.detector.localHealth, 'nobody held it dead').toBe(0)
  })

  it('is refuted in the answer to the probe that says it', () => {
    const mesh = new Bench().connect('p0')
    const claims = [{ peerId: 'me', state: 'dead' as const, incarnation: 1 }]
    const [refute, ack] = mesh.tell({ is: 'probe', peer: 'p0', sequence: 3, claims })
    expect(refute).toMatchObject({ do: 'refute', incarnation: 2 })
    expect(ack).toMatchObject({ do: 'ack', sequence: 3, claims: [{ peerId: 'me', state: 'alive', incarnation: 2 }] })
  })
})
