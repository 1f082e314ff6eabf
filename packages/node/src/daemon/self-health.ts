import type { SelfHealth } from '@agent-mesh/control-plane'
import { createEventLoopLag } from './event-loop-lag.ts'
import type { EventBus } from './event-bus.ts'
import { ServiceChecks } from './service-checks.ts'

export interface SelfHealthInit {
  events: Pick<EventBus, 'emit'>
  /** What this node serves, with the weight of each. */
  services: () => Array<{ name: string; weight: number }>
  /** Tunnels of others to services of this node that are open. */
  tunnels: () => number
  now?: () => number
}

/** What this node says of itself to the others, and the watching that it takes. */
export interface SelfWatch extends SelfHealth {
  checks: ServiceChecks
  start: () => void
  stop: () => void
}

export const createSelfHealth = ({ events, services, tunnels, now = Date.now }: SelfHealthInit): SelfWatch => {
  const startedMs = now()
  const lag = createEventLoopLag()
  const checks = new ServiceChecks({ events })
  return {
    checks,
    load: () => ({ eventLoopLagMs: lag.maxMs(), tunnels: tunnels() }),
    services: () =>
      services().map(({ name, weight }) => ({
        name,
        weight,
        ...(checks.of(name) ?? { state: 'unchecked', sinceMs: startedMs })
      })),
    start: lag.start,
    stop: () => {
      lag.stop()
      checks.stop()
    }
  }
}
