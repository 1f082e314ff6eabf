import { collectDefaultMetrics, Registry } from 'prom-client'

/** How finely the delay of the event loop is sampled: finer wakes an idle process more often. In milliseconds. */
const lagPrecisionMs = 20

let registry: Registry | undefined

/**
 * CPU, memory, descriptors, garbage collection and event-loop lag of this process, from the first scrape on. What
 * prom-client starts for it never ends, so all nodes of a process share one.
 */
export const processMetrics = (): Registry => {
  if (registry === undefined) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagPrecisionMs })
  }
  return registry
}
