import {
  HeldReservations,
  memberOnly,
  RelayServer,
  RelayTransport,
  type RelayServerComponents,
  type RelayTransportComponents
} from '@agent-mesh/control-plane'
import type { Transport } from '@libp2p/interface'
import type { Config } from '../config/schema.ts'

/** What a host has for relaying. */
export interface HostRelay {
  /** Relays for others once it is told to. */
  server: RelayServer
  /** Places at other relays. */
  held: HeldReservations
}

/** The transport through relays, which may be carriers, and the service that relays, for members only. */
export const hostRelay = (
  config: Config['relay']
): {
  transport: (components: RelayTransportComponents) => Transport
  service: (components: RelayServerComponents) => HostRelay
} => {
  const held = new HeldReservations()
  const server = memberOnly(
    (components: RelayServerComponents) =>
      new RelayServer(components, {
        reservations: config.reservations,
        circuits: config.circuits,
        circuitsPerPeer: config.circuits_per_member,
        bytesPerSecond: config.rate_per_member,
        bytesPerHour: config.hourly_per_member
      }),
    'connections'
  )
  return {
    transport: memberOnly((components: RelayTransportComponents) => new RelayTransport(components, held), 'circuits'),
    service: (components) => ({ server: server(components), held })
  }
}
