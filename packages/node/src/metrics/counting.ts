import { isErrorCode } from '@agent-mesh/wire'
import type { NodeEvent } from '@agent-mesh/wire/api'
import type { AdmissionService, HealthView } from '@agent-mesh/control-plane'
import type { Meter } from './meter.ts'

type Fields = NodeEvent['fields']

const wordOf = (fields: Fields, name: string): string | undefined => {
  const value = fields[name]
  return typeof value === 'string' ? value : undefined
}

/** A code as a label: text that is none of ours would make a series of its own. */
const codeOf = (fields: Fields): string => {
  const code = wordOf(fields, 'code')
  if (code === undefined) return 'ok'
  return isErrorCode(code) ? code : 'INTERNAL'
}

const seconds = (fields: Fields, name: string): number => Number(fields[name] ?? 0) / 1_000

const tunnelLabels = (fields: Fields): { direction: string; path: string } => ({
  direction: wordOf(fields, 'direction') ?? 'unknown',
  path: wordOf(fields, 'path') ?? 'unknown'
})

const kindOf = (fields: Fields): string => wordOf(fields, 'kind') ?? 'unknown'

const whyOf = (fields: Fields): string => wordOf(fields, 'why') ?? 'unknown'

/** What each event adds to; events that are not named here add to nothing. */
const counters: Record<string, (meter: Meter, fields: Fields) => void> = {
  'tunnel:opened': (meter, fields) => meter.count('mesh_tunnel_openings_total', tunnelLabels(fields)),
  'tunnel:refused': (meter, fields) => meter.count('mesh_tunnel_refusals_total', { code: codeOf(fields) }),
  'tunnel:closed': (meter, fields) =>
    meter.observe(
      'mesh_tunnel_duration_seconds',
      { direction: tunnelLabels(fields).direction, code: codeOf(fields) },
      seconds(fields, 'durationMs')
    ),
  'tunnels:cut': (meter, fields) => meter.count('mesh_tunnel_cuts_total', {}, Number(fields['cut'] ?? 0)),
  'forward:failed': (meter, fields) => meter.count('mesh_forward_failures_total', { code: codeOf(fields) }),
  'proxy:repeated': (meter, fields) => meter.count('mesh_proxy_repeats_total', { why: whyOf(fields) }),
  'proxy:withheld': (meter, fields) => meter.count('mesh_proxy_withheld_total', { why: whyOf(fields) }),
  'proxy:hedged': (meter, fields) =>
    meter.count('mesh_proxy_hedges_total', { winner: wordOf(fields, 'winner') ?? 'unknown' }),
  'record:published': (meter) => meter.count('mesh_discovery_publications_total', { code: 'ok' }),
  'record:unpublished': (meter, fields) => meter.count('mesh_discovery_publications_total', { code: codeOf(fields) }),
  'sync:changed': (meter, fields) => meter.count('mesh_replication_changes_total', { kind: kindOf(fields) }),
  'sync:refused': (meter, fields) =>
    meter.count('mesh_replication_refusals_total', { kind: kindOf(fields), code: codeOf(fields) }),
  'sync:failed': (meter, fields) => meter.count('mesh_replication_failures_total', { code: codeOf(fields) }),
  'certificate:renewed': (meter) => meter.count('mesh_certificate_renewals_total', { code: 'ok' }),
  'certificate:not-renewed': (meter, fields) => meter.count('mesh_certificate_renewals_total', { code: codeOf(fields) })
}

export interface CountedRooms {
  events: { on: (listener: (event: NodeEvent) => void) => () => void }
  admission: Pick<AdmissionService, 'onChange' | 'onRefused'>
  health?: Pick<HealthView, 'onChange'>
}

/** Counts what happens from now on. @returns the way to stop */
export const countEvents = (meter: Meter, { events, admission, health }: CountedRooms): (() => void) => {
  const stops = [
    events.on(({ event, fields }) => counters[event]?.(meter, fields)),
    admission.onChange((change) => meter.count('mesh_admission_changes_total', { change })),
    admission.onRefused((_peer, { code }) => meter.count('mesh_admission_refusals_total', { code })),
    health?.onChange(({ state }) => meter.count('mesh_health_changes_total', { state }))
  ]
  return () => {
    for (const stop of stops) stop?.()
  }
}

/** Events that something is counted of. */
export const countedEvents: readonly string[] = Object.keys(counters)
