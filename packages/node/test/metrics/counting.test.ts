import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { EventBus } from '../../src/daemon/event-bus.ts'
import { countedEvents, countEvents } from '../../src/metrics/counting.ts'
import { Meter } from '../../src/metrics/meter.ts'
import { toOpenMetrics } from '../../src/metrics/open-metrics.ts'
import type { AdmissionListener, HealthListener } from '@agent-mesh/control-plane'

const nothing = (): (() => void) => () => {}

const counted = (): { meter: Meter; events: EventBus; onHealth: HealthListener[]; stop: () => void } => {
  const meter = new Meter()
  const events = new EventBus(pino({ level: 'silent' }))
  const onHealth: HealthListener[] = []
  const stop = countEvents(meter, {
    events,
    admission: { onChange: (_listener: AdmissionListener) => nothing(), onRefused: nothing },
    health: {
      onChange: (listener) => {
        onHealth.push(listener)
        return nothing()
      }
    }
  })
  return { meter, events, onHealth, stop }
}

const linesOf = async (meter: Meter, name: string): Promise<string[]> =>
  (await meter.expose('', [])).text.split('\n').filter((line) => line.startsWith(`${name}{`))

describe('counting', () => {
  it('adds up what replication and renewal report, by code', async () => {
    const { meter, events } = counted()
    events.emit('warn', 'sync:refused', { kind: 'policy', peer: 'p', code: 'POLICY_INVALID' })
    events.emit('debug', 'sync:failed', { peer: 'p', code: 'TIMEOUT' })
    events.emit('debug', 'sync:failed', { peer: 'q', code: 'TIMEOUT' })
    events.emit('info', 'certificate:renewed')
    expect(await linesOf(meter, 'mesh_replication_refusals_total')).toEqual([
      'mesh_replication_refusals_total{kind="policy",code="POLICY_INVALID"} 1'
    ])
    expect(await linesOf(meter, 'mesh_replication_failures_total')).toEqual([
      'mesh_replication_failures_total{code="TIMEOUT"} 2'
    ])
    expect(await linesOf(meter, 'mesh_certificate_renewals_total')).toEqual([
      'mesh_certificate_renewals_total{code="ok"} 1'
    ])
  })

  it('adds up what a proxy did about agents that failed, by why', async () => {
    const { meter, events } = counted()
    events.emit('info', 'proxy:repeated', { target: 'cap:a', why: 'repeat', code: 'CONNECTION_LOST' })
    events.emit('info', 'proxy:repeated', { target: 'cap:a', why: 'repeat', code: 'CONNECTION_LOST' })
    events.emit('info', 'proxy:withheld', { target: 'cap:a', why: 'budget', code: 'CONNECTION_LOST' })
    events.emit('debug', 'proxy:hedged', { target: 'cap:a', winner: 'second' })
    expect(await linesOf(meter, 'mesh_proxy_repeats_total')).toEqual(['mesh_proxy_repeats_total{why="repeat"} 2'])
    expect(await linesOf(meter, 'mesh_proxy_withheld_total')).toEqual(['mesh_proxy_withheld_total{why="budget"} 1'])
    expect(await linesOf(meter, 'mesh_proxy_hedges_total')).toEqual(['mesh_proxy_hedges_total{winner="second"} 1'])
  })

  it('makes one series of all codes that are none', async () => {
    const { meter, events } = counted()
    for (let n = 0; n < 100; n++) events.emit('debug', 'sync:failed', { code: `x${n}\n` })
    expect(await linesOf(meter, 'mesh_replication_failures_total')).toEqual([
      'mesh_replication_failures_total{code="INTERNAL"} 100'
    ])
  })

  it('adds up the states of health that began', async () => {
    const { meter, onHealth } = counted()
    for (const state of ['suspect', 'dead', 'dead'] as const)
      onHealth[0]?.({ peerId: 'p', state, sinceMs: 0, reason: '', incarnation: 1 }, 'alive')
    expect(await linesOf(meter, 'mesh_health_changes_total')).toEqual([
      'mesh_health_changes_total{state="suspect"} 1',
      'mesh_health_changes_total{state="dead"} 2'
    ])
  })

  it('ends when it is stopped', async () => {
    const { meter, events, stop } = counted()
    stop()
    events.emit('debug', 'sync:failed', { code: 'TIMEOUT' })
    expect(await linesOf(meter, 'mesh_replication_failures_total')).toEqual([])
  })

  it('waits for no event that nobody emits', async () => {
    const folders = ['../../src', '../../../data-plane/src'].map((path) => join(import.meta.dirname, path))
    const files = await Promise.all(
      folders.map(async (folder) => (await readdir(folder, { recursive: true })).map((name) => join(folder, name)))
    )
    const sources = await Promise.all(
      files
        .flat()
        .filter((file) => file.endsWith('.ts') && !file.includes('/metrics/'))
        .map((file) => readFile(file, 'utf8'))
    )
    for (const event of countedEvents)
      expect(
        sources.some((source) => source.includes(`'${event}'`)),
        event
      ).toBe(true)
  })
})

describe('the text for OpenMetrics', () => {
  it('calls counters by their base and their samples by the whole name, and marks its end', () => {
    const text = '# HELP a_total x\n# TYPE a_total counter\na_total{b="c_total"} 1\n\n# TYPE d gauge\nd 2\n'
    expect(toOpenMetrics(text)).toBe(
      '# HELP a x\n# TYPE a counter\na_total{b="c_total"} 1\n# TYPE d gauge\nd 2\n# EOF\n'
    )
  })

  it('gives a counter that lacks it the ending, and leaves gauges that have it alone', () => {
    expect(toOpenMetrics('# TYPE e counter\ne 1\n# TYPE f_total gauge\nf_total 2\n')).toBe(
      '# TYPE e counter\ne_total 1\n# TYPE f_total gauge\nf_total 2\n# EOF\n'
    )
  })
})
