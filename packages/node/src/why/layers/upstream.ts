import { failed, ok, skipped, type WhyLayer } from '../layer.ts'

/** Whether the program behind the service takes connections: one is opened and closed at once. */
export const upstream: WhyLayer = {
  name: 'upstream',
  order: 1_100,
  check: async (context, { signal }) => {
    const { ports, direction, service, name } = context
    if (service === undefined) return skipped('no service is named')
    if (direction !== 'outbound') {
      await ports.dataPlane.probeService(service, { signal })
      return ok(`${service} takes connections`)
    }
    const result = await context.probe(signal)
    if (result.error !== undefined) return failed(result.error)
    return ok(`a tunnel to ${name}/${service} was opened in ${result.durationMs.toFixed(1)} ms and closed`)
  }
}
