import type { HealthView } from '@agent-mesh/control-plane'
import { countEvents } from '../metrics/counting.ts'
import type { Exposition } from '../metrics/meter.ts'
import { processMetrics } from '../metrics/process-metrics.ts'
import { readingsOf, type MeteredRooms } from '../metrics/readings.ts'
import type { AssembleInit } from './assemble.ts'
import type { Offers } from './offers.ts'
import type { Relaying } from './relaying.ts'

export interface Metering {
  /** @param accept - of the request */
  expose: (accept: string) => Promise<Exposition>
  stop: () => void
}

interface AssembledRooms extends Pick<MeteredRooms, 'replication' | 'dataPlane' | 'warnings'> {
  offers: Pick<Offers, 'publication' | 'services'>
  health: { view: HealthView }
  relaying: Pick<Relaying, 'use'>
}

/** Counts what happens on a node and reads its rooms whenever somebody asks for the metrics. */
export const createMetering = (
  { meter, host, memory, credentials, keeper, ...init }: AssembleInit,
  { offers, health, relaying, ...assembled }: AssembledRooms
): Metering => {
  const { admission, dht } = host.services
  const rooms = {
    ...init,
    ...assembled,
    health: health.view,
    admission,
    relay: () => relaying.use(),
    policy: keeper,
    namedPeers: () => admission.named.size,
    certificateEndsMs: () => credentials.membership.notAfterMs,
    routingTableSize: () => dht.routingTable.size,
    rememberedPeers: () => memory.peers.ranked().length,
    publication: () => offers.publication,
    services: () => offers.services()
  }
  meter.read(readingsOf(rooms))
  return { stop: countEvents(meter, rooms), expose: async (accept) => meter.expose(accept, [processMetrics()]) }
}
