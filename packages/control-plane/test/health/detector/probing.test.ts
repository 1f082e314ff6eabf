import { describe, expect, it } from 'vitest'
import { Bench, lan } from './bench.ts'

const helpers = ['h0', 'h1', 'h2', 'h3']

/** One neighbour that does not answer, and four that do. */
const bench = (): Bench => new Bench().connect('p0', ...helpers)
const claims = [] as const

describe('probes', () => {
  it('go to neighbours alone, one an interval, everybody once a round', () => {
    const mesh = new Bench().learn('far').connect(...helpers)
    mesh.run(100, { answering: helpers })
    const probes = mesh.wanted('probe', mesh.run(8_000, { answering: helpers }))
    expect(probes).toHaveLength(8)
    for (const helper of helpers) expect(probes.filter(({ peer }) => peer === helper)).toHaveLength(2)
  })

  it('go to a neighbour whose bytes are counted in every fifth interval at most, and sooner when it is in doubt', () => {
    const mesh = new Bench({ settings: { ...lan, isCostly: (peer) => peer === 'p0' } }).connect('p0', 'h0')
    mesh.run(100, { answering: ['p0', 'h0'] })
    const probes = mesh.wanted('probe', mesh.run(20_000, { answering: ['p0', 'h0'] }))
    expect(probes.filter(({ peer }) => peer === 'p0').length).toBeLessThanOrEqual(4)
    expect(probes.filter(({ peer }) => peer === 'p0').length).toBeGreaterThanOrEqual(3)
    expect(probes.filter(({ peer }) => peer === 'h0').length).toBeGreaterThanOrEqual(12)
    mesh.run(12_000, { answering: ['h0'] })
    expect(mesh.stateOf('p0')).not.toBe('alive')
  })

  it('go on by three helpers, and a suspicion is spread when none has an answer', () => {
    const mesh = bench()
    const actions = mesh.run(lan.probeTimeoutMs + 10, { answering: helpers })
    const asks = mesh.wanted('ask', actions)
    expect(asks).toHaveLength(3)
    expect(asks.every(({ target }) => target === 'p0')).toBe(true)
    expect(mesh.stateOf('p0')).toBe('alive')
    const later = mesh.run(600, { answering: helpers })
    expect(mesh.stateOf('p0')).toBe('suspect')
    expect(mesh.wanted('spread', later)).toEqual([
      { do: 'spread', claim: { peerId: 'p0', state: 'suspect', incarnation: 1 } }
    ])
  })

  it('tell the suspected what is said of it', () => {
    const mesh = bench()
    mesh.accuse('h0', 'p0')
    const [probe] = mesh.wanted('probe', mesh.run(3_000, { answering: helpers })).filter(({ peer }) => peer === 'p0')
    expect(probe?.claims).toContainEqual({ peerId: 'p0', state: 'suspect', incarnation: 1 })
  })

  it('ask a neighbour at once that others cannot reach', () => {
    const mesh = new Bench().connect(...helpers, 'p0')
    mesh.run(4_500, { answering: [...helpers, 'p0'] })
    mesh.accuse('h0', 'p0')
    const [first] = mesh.wanted('probe', mesh.run(10, { answering: [...helpers, 'p0'] }))
    expect(first?.peer).toBe('p0')
    expect(mesh.stateOf('p0'), 'an answer to a later question clears it').toBe('alive')
  })

  it('go on after a disconnect by one dial, and nobody is dialled who parted in order', () => {
    const mesh = new Bench().connect(...helpers)
    mesh.run(5_000, { answering: helpers })
    mesh.tell({ is: 'disconnected', peer: 'h0', isOrderly: false })
    mesh.tell({ is: 'disconnected', peer: 'h1', isOrderly: true })
    const dials = mesh
      .wanted('probe', mesh.run(5_000, { answering: helpers.slice(1) }))
      .filter(({ mustDial }) => mustDial)
    expect(dials.map(({ peer }) => peer)).toEqual(['h0'])
    expect(mesh.stateOf('h0')).toBe('suspect')
    expect(mesh.stateOf('h1')).toBe('alive')
  })

  it('that could not be sent do not wait for their deadline', () => {
    const mesh = bench()
    const [probe] = mesh.wanted('probe', mesh.run(0)).filter(({ peer }) => peer === 'p0')
    const actions = mesh.tell({ is: 'unsent', sequence: probe?.sequence ?? 0 })
    expect(mesh.wanted('ask', actions)).toHaveLength(3)
  })

  it('are carried out for others: their answers are passed on, their silence too, and what cannot be done at once', () => {
    const mesh = new Bench().connect('p0', 'asker').learn('far')
    mesh.run(100, { answering: ['p0', 'asker'] })
    const [probe] = mesh.wanted(
      'probe',
      mesh.tell({ is: 'probe-for-me', peer: 'asker', target: 'p0', sequence: 7, claims })
    )
    const answer = mesh.tell({ is: 'ack', peer: 'p0', sequence: probe?.sequence ?? 0, claims })
    expect(answer).toMatchObject([{ do: 'relayed-ack', peer: 'asker', sequence: 7 }])
    mesh.tell({ is: 'probe-for-me', peer: 'asker', target: 'p0', sequence: 8, claims })
    expect(mesh.wanted('relayed-nack', mesh.run(lan.probeTimeoutMs))).toMatchObject([{ peer: 'asker', sequence: 8 }])
    expect(mesh.tell({ is: 'probe-for-me', peer: 'asker', target: 'far', sequence: 9, claims })).toMatchObject([
      { do: 'relayed-nack', sequence: 9 }
    ])
  })

  it('for one asker are eight at once, and one more is refused', () => {
    const mesh = new Bench().connect('p0', 'asker')
    const results = Array.from({ length: 9 }, (_, sequence) =>
      mesh.tell({ is: 'probe-for-me', peer: 'asker', target: 'p0', sequence, claims }).map((action) => action.do)
    )
    expect(results.flat()).toEqual([...Array.from({ length: 8 }, () => 'probe'), 'relayed-nack'])
  })

  it('an answer with the number of another is none', () => {
    const mesh = bench()
    const [probe] = mesh.wanted('probe', mesh.run(0)).filter(({ peer }) => peer === 'p0')
    mesh.tell({ is: 'ack', peer: 'h0', sequence: probe?.sequence ?? 0, claims })
    mesh.run(1_200, { answering: helpers })
    expect(mesh.stateOf('p0')).toBe('suspect')
  })
})

const relay = (mesh: Bench, forMs: number, { isHeard = false, others = [] as string[] } = {}): void => {
  const answering = [...helpers, ...others]
  for (let passedMs = 0; passedMs < forMs; passedMs += 50) {
    for (const { helper, sequence } of mesh.wanted('ask', mesh.run(50, { answering })))
      mesh.tell({ is: 'relayed-ack', peer: helper, sequence, claims })
    if (isHeard && passedMs % 1_000 === 0) mesh.tell({ is: 'probe', peer: 'p0', sequence: passedMs, claims })
  }
}

describe('a neighbour that others reach and this node does not', () => {
  it('is unreachable, never suspect, and stays that', () => {
    const mesh = bench()
    relay(mesh, 60_000)
    const changes = mesh.wanted('changed').filter(({ peer, from }) => peer === 'p0' && from !== undefined)
    expect(changes.map(({ state, isAsymmetric }) => [state, isAsymmetric])).toEqual([['unreachable', false]])
    expect(mesh.wanted('spread')).toEqual([])
  })

  it('is asymmetric where its own messages arrive', () => {
    const mesh = bench()
    relay(mesh, 60_000, { isHeard: true })
    const changes = mesh.wanted('changed').filter(({ peer, from }) => peer === 'p0' && from !== undefined)
    expect(changes.map(({ state, isAsymmetric }) => [state, isAsymmetric])).toEqual([['unreachable', true]])
  })

  it('is alive again after three answers', () => {
    const mesh = bench()
    relay(mesh, 20_000)
    expect(mesh.stateOf('p0')).toBe('unreachable')
    const before = mesh.actions.length
    while (mesh.stateOf('p0') !== 'alive' && mesh.nowMs < 60_000) mesh.run(50, { answering: [...helpers, 'p0'] })
    const asked = mesh.wanted('probe', mesh.actions.slice(before)).filter(({ peer }) => peer === 'p0')
    expect(asked).toHaveLength(lan.regainedAfter)
  })

  it('is found to be back within 5 s, however many neighbours there are', () => {
    const many = Array.from({ length: 40 }, (_, at) => `n${at}`)
    const mesh = bench().connect(...many)
    relay(mesh, 120_000, { others: many })
    expect(mesh.stateOf('p0')).toBe('unreachable')
    mesh.run(5_000, { answering: [...helpers, ...many, 'p0'] })
    expect(mesh.stateOf('p0')).toBe('alive')
  })

  it('is suspected when helpers lose it as well', () => {
    const mesh = bench()
    relay(mesh, 20_000)
    mesh.run(40_000, { answering: helpers })
    expect(mesh.wanted('spread').map(({ claim }) => claim.state)).toContain('suspect')
  })
})

describe('a node that is slow itself', () => {
  it('waits longer: nacks that are missing, lag and standstill raise the multiplier, answers lower it', () => {
    const mesh = bench()
    mesh.run(1_010, { answering: helpers })
    expect(mesh.detector.localHealth, 'three helpers owed a nack').toBeGreaterThanOrEqual(2)
    mesh.run(20_000, { answering: helpers })
    expect(mesh.detector.localHealth).toBe(0)
    mesh.tell({ is: 'lag', lagMs: lan.probeTimeoutMs })
    expect(mesh.detector.localHealth).toBe(2)
    for (let times = 0; times < 9; times++) mesh.tell({ is: 'lag', lagMs: 10_000 })
    expect(mesh.detector.localHealth).toBe(lan.maxLocalHealth)
  })

  it('that stood still reads what waits before it concludes anything', () => {
    const mesh = new Bench().connect('p0', 'h0')
    mesh.run(3_000, { answering: ['p0', 'h0'] })
    const probes = mesh.wanted('probe', mesh.run(1_000))
    expect(probes.length).toBeGreaterThan(0)
    mesh.nowMs += 20_000
    const actions = mesh.detector.tick(mesh.nowMs)
    expect(actions.filter((action) => action.do === 'ask' || action.do === 'spread')).toEqual([])
    for (const { peer, sequence } of probes) mesh.tell({ is: 'ack', peer, sequence, claims })
    mesh.run(10_000, { answering: ['p0', 'h0'] })
    expect(mesh.wanted('spread')).toEqual([])
  })

  it('does not let a suspicion run while it stands still', () => {
    const mesh = new Bench().learn('p0', 'p1', 'p2', 'p3')
    for (const by of ['p1', 'p2', 'p3']) mesh.accuse(by, 'p0')
    mesh.run(1_000)
    mesh.nowMs += 60_000
    mesh.detector.tick(mesh.nowMs)
    mesh.run(1_500)
    expect(mesh.stateOf('p0')).toBe('suspect')
    mesh.accuse('p0', 'p0', { state: 'alive', incarnation: 2 })
    expect(mesh.stateOf('p0')).toBe('alive')
  })
})

it('says goodbye once, and nothing after that', () => {
  const mesh = bench()
  expect(mesh.tell({ is: 'leave' })).toEqual([{ do: 'farewell', incarnation: 1 }])
  expect(mesh.detector.nextAtMs()).toBe(Infinity)
  expect(mesh.tell({ is: 'probe', peer: 'p0', sequence: 1, claims })).toEqual([])
})

it('holds so many members and no more: the longest dead make room, the living do not', () => {
  const mesh = new Bench({ settings: { ...lan, mostMembers: 2 } }).learn('p0', 'p1')
  mesh.learn('p2')
  expect(mesh.stateOf('p2')).toBeUndefined()
  mesh.accuse('p0', 'p0', { state: 'left' })
  expect(mesh.tell({ is: 'learnt', peer: 'p2' })).toContainEqual({ do: 'forgot', peer: 'p0' })
  expect(mesh.stateOf('p2')).toBe('alive')
})
