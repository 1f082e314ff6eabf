import { describe, expect, it } from 'vitest'
import type { CheckResult, CheckSettings } from '@agent-mesh/data-plane'
import { Checks } from '../../src/upstream/check/checks.ts'

const settings: CheckSettings = { kind: { type: 'connect' }, intervalMs: 10_000, timeoutMs: 1_000, threshold: 2 }
const service = { name: 'web', address: { type: 'tcp' as const, host: '127.0.0.1', port: 1 } }

/** One timer at a time is all that one service has. */
const start = (results: CheckResult[]) => {
  let nowMs = 0
  const timers = new Set<{ atMs: number; task: () => void }>()
  const asked: Array<{ atMs: number; signal: AbortSignal }> = []
  const changes: string[] = []
  const checks = new Checks({
    now: () => nowMs,
    random: () => 0.5,
    setTimeout: (task, delayMs) => {
      const timer = { atMs: nowMs + delayMs, task }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    probe: async (_address, _settings, { signal }) => {
      asked.push({ atMs: nowMs, signal })
      return results.shift() ?? { isOk: true }
    },
    onChange: (name, { state, reason }) => changes.push(`${name} ${state} ${reason ?? ''}`.trim())
  })
  const advance = async (byMs: number): Promise<void> => {
    const untilMs = nowMs + byMs
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const [due] = [...timers].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)
      if (due === undefined) break
      timers.delete(due)
      nowMs = due.atMs
      due.task()
    }
    nowMs = untilMs
  }
  return { checks, asked, changes, advance, timers }
}

const fail = (reason: string): CheckResult => ({ isOk: false, reason })

describe('services are checked', () => {
  it('at once, at their interval, and sooner while a state is in doubt', async () => {
    const { checks, asked, changes, advance } = start([{ isOk: true }, fail('a'), fail('b')])
    checks.put(service, settings)
    expect(checks.of('web')).toMatchObject({ state: 'unchecked' })
    await advance(0)
    expect(checks.of('web')).toMatchObject({ state: 'healthy' })
    await advance(40_000)
    expect(asked.map(({ atMs }) => atMs)).toEqual([0, 10_000, 11_000, 21_000, 22_000, 32_000])
    expect(changes).toEqual(['web healthy', 'web failing b', 'web healthy'])
  })

  it('when a tunnel finds that one does not answer, but not for every such tunnel', async () => {
    const { checks, asked, advance } = start([])
    checks.put(service, settings)
    await advance(5_000)
    for (let i = 0; i < 100; i++) {
      checks.hurry('web')
      await advance(10)
    }
    expect(asked.map(({ atMs }) => atMs)).toEqual([0, 5_000])
    checks.hurry('unknown')
  })

  it('no longer when they are taken away or replaced, whatever a running check says', async () => {
    const { checks, asked, changes, advance, timers } = start([fail('old'), { isOk: true }])
    checks.put(service, { ...settings, threshold: 1 })
    const [timer] = timers
    timer?.task()
    checks.put(service, settings)
    expect(asked[0]?.signal.aborted).toBe(true)
    await advance(0)
    expect(changes).toEqual(['web healthy'])
    checks.stop()
    expect([timers.size, checks.of('web')]).toEqual([0, undefined])
    await advance(60_000)
    expect(asked).toHaveLength(2)
  })
})
