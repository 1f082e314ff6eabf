import { toMeshError } from '@agent-mesh/wire'
import { parseListenAddress } from '@agent-mesh/data-plane'
import type { Config } from '../config/schema.ts'
import type { LocalNode } from '../local-node.ts'
import { startScrapeServer } from '../metrics/scrape-server.ts'
import type { EventBus } from './event-bus.ts'

/**
 * Opens the metrics over TCP where the configuration asks for it.
 * @returns the way to close
 * @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID
 */
export const openMetricsDoor = async (
  { metrics: { listen, hosts } }: Config,
  node: Pick<LocalNode, 'metrics'>,
  events: Pick<EventBus, 'emit'>
): Promise<() => Promise<void>> => {
  const address = listen === undefined ? undefined : parseListenAddress(listen)
  if (address?.type !== 'tcp') return async () => {}
  const server = await startScrapeServer({
    host: address.host,
    port: address.port,
    hosts,
    expose: async (accept) => node.metrics(accept),
    onFailed: (err) => {
      const { code, message } = toMeshError(err)
      events.emit('error', 'metrics:failed', { code, message })
    }
  })
  events.emit('info', 'metrics:listening', { address: server.address })
  return server.close
}
