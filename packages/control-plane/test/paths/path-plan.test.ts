import { expect, it } from 'vitest'
import { pathDefaults } from '../../src/paths/knobs.ts'
import { PathPlan, type PathAction } from '../../src/paths/path-plan.ts'

it('doubts a connection once whose tunnels stand still, although tunnels take another one by now', () => {
  const plan = new PathPlan({ kinds: ['direct', 'relayed'], random: () => 0 })
  const lost = new Set<string>()
  const doubts: Array<{ id: string; atMs: number }> = []
  let nowMs = 0
  const act = (actions: PathAction[]): void => {
    for (const action of actions) {
      if (action.do === 'doubted') doubts.push({ id: action.id, atMs: nowMs })
      if (action.do === 'echo' && !lost.has(action.id))
        act(plan.handle({ is: 'answered', id: action.id, sequence: action.sequence }, nowMs))
    }
  }
  const until = (endMs: number): void => {
    for (; nowMs < endMs; nowMs += 50) if (plan.nextAtMs <= nowMs) act(plan.tick(nowMs))
  }
  act(plan.handle({ is: 'opened', id: 'older', path: 'direct' }, nowMs))
  act(plan.handle({ is: 'wanted' }, nowMs))
  act(plan.handle({ is: 'busy', id: 'older', tunnels: 1 }, nowMs))
  until(5_000)
  act(plan.handle({ is: 'opened', id: 'younger', path: 'direct' }, nowMs))
  until(10_000)
  expect(doubts).toEqual([])
  lost.add('older')
  until(14_000)
  expect(doubts.map(({ id }) => id)).toEqual(['older'])
  expect(doubts[0]?.atMs).toBeLessThanOrEqual(10_000 + pathDefaults.echoMs + pathDefaults.doubtMs + 100)
})
