import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { seed } from '@agent-mesh/testkit/mutations'
import type { Claim, DetectorEvent } from '../../../src/health/detector/index.ts'
import { Bench, lan } from './bench.ts'

const peers = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5']

const peer = fc.constantFrom(...peers)
const claim: fc.Arbitrary<Claim> = fc.record({
  peerId: fc.constantFrom(...peers, 'me'),
  state: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
  incarnation: fc.integer({ min: 0, max: 4 })
})
const claims = fc.array(claim, { maxLength: 3 })
const sequence = fc.integer({ min: 0, max: 20 })

const event: fc.Arbitrary<DetectorEvent> = fc.oneof(
  fc.record({ is: fc.constant('connected' as const), peer }),
  fc.record({ is: fc.constant('disconnected' as const), peer, isOrderly: fc.boolean() }),
  fc.record({ is: fc.constant('learnt' as const), peer, incarnation: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ is: fc.constantFrom('probe' as const, 'ack' as const, 'relayed-ack' as const), peer, sequence, claims }),
  fc.record({ is: fc.constant('relayed-nack' as const), peer, sequence, claims }),
  fc.record({ is: fc.constant('probe-for-me' as const), peer, target: peer, sequence, claims }),
  fc.record({ is: fc.constant('unsent' as const), sequence }),
  fc.record({ is: fc.constant('claims' as const), by: peer, claims, isFirstHand: fc.boolean() }),
  fc.record({
    is: fc.constant('digest' as const),
    peer,
    incarnation: fc.integer({ min: 0, max: 4 }),
    sequence,
    timeMs: fc.integer({ min: 0, max: 100_000 })
  }),
  fc.record({ is: fc.constant('lag' as const), lagMs: fc.integer({ min: 0, max: 5_000 }) })
)
const life = fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), event), { maxLength: 60 })
const options = { seed, numRuns: 300 }

test('whatever happens: no incarnation goes back, and what is shown changes only by telling', () => {
  const law = fc.property(life, (events) => {
    const mesh = new Bench()
    const lives = new Map<string, number>()
    const shown = new Map<string, string>()
    let own = 1
    for (const [forMs, one] of events) {
      mesh.run(forMs)
      mesh.tell(one)
      expect(mesh.detector.incarnation).toBeGreaterThanOrEqual(own)
      own = mesh.detector.incarnation
      expect(mesh.detector.nextAtMs()).toBeGreaterThan(mesh.nowMs - lan.stallMs)
      for (const action of mesh.actions.splice(0)) {
        if (action.do !== 'changed') continue
        expect(action.from).toBe(shown.get(action.peer))
        shown.set(action.peer, action.state)
      }
      for (const { peer: id, incarnation, state } of mesh.detector.all()) {
        expect(incarnation).toBeGreaterThanOrEqual(lives.get(id) ?? 0)
        lives.set(id, incarnation)
        expect(state).toBe(shown.get(id))
      }
    }
  })
  fc.assert(law, options)
})

test('whoever is dead and refutes is alive, whatever was said before', () => {
  const law = fc.property(life, peer, (events, dead) => {
    const mesh = new Bench()
    for (const [forMs, one] of events) {
      mesh.run(forMs)
      mesh.tell(one)
    }
    mesh.learn(dead)
    const incarnation = (mesh.detector.of(dead)?.incarnation ?? 0) + 1
    mesh.accuse(dead, dead, { state: 'alive', incarnation })
    expect(['alive', 'unreachable']).toContain(mesh.stateOf(dead))
    expect(mesh.detector.of(dead)?.incarnation).toBe(incarnation)
  })
  fc.assert(law, options)
})

test('the order in which accusations of one moment arrive does not matter', () => {
  const voices = fc.uniqueArray(fc.constantFrom(...peers.slice(1)), { minLength: 1 })
  const law = fc.property(
    voices.chain((by) => fc.tuple(fc.constant(by), fc.shuffledSubarray(by, { minLength: by.length }))),
    fc.integer({ min: 0, max: 30_000 }),
    ([one, other], forMs) => {
      const states = [one, other].map((order) => {
        const mesh = new Bench().learn(...peers)
        for (const by of order) mesh.accuse(by, 'p0')
        mesh.run(forMs)
        return mesh.stateOf('p0')
      })
      expect(states[0]).toBe(states[1])
    }
  )
  fc.assert(law, options)
})

test('one member alone kills nobody who refutes, however often it tries', () => {
  const law = fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 40 }), (pauses) => {
    const mesh = new Bench().learn(...peers)
    let incarnation = 1
    for (const pauseMs of pauses) {
      mesh.accuse('p1', 'p0', { incarnation, state: 'dead' })
      if (mesh.stateOf('p0') === 'suspect') mesh.accuse('p0', 'p0', { state: 'alive', incarnation: ++incarnation })
      mesh.run(pauseMs)
      for (const one of peers) mesh.tell({ is: 'probe', peer: one, sequence: 1, claims: [] })
      expect(mesh.stateOf('p0')).not.toBe('dead')
    }
  })
  fc.assert(law, options)
})
