import type { ServiceDocument } from '@agent-mesh/wire/api'
import { formatDuration } from '@agent-mesh/node/units'
import { formatAge } from './text.ts'

/** How a service is checked, in words. */
export const describeCheck = ({ check }: ServiceDocument): string => {
  if (check === undefined || check.kind === 'none') return 'not checked'
  const { kind, intervalMs } = check
  return intervalMs === undefined ? kind : `${kind} every ${formatDuration(intervalMs)}`
}

/** What the checks of a service say, in words. */
export const describeServiceHealth = (service: ServiceDocument, nowMs: number): string => {
  const { health } = service
  if (health === undefined || health.state === 'unchecked') return describeCheck(service)
  const { state, sinceMs, reason } = health
  return `${state} for ${formatAge(nowMs - sinceMs)}${reason === undefined ? '' : `: ${reason}`}`
}
