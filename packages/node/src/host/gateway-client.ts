/** How a gateway is asked for ports: what `PortMapping` needs of each protocol that it speaks. */
export type MappingProtocol = 'nat-pmp' | 'upnp'

export const protocolNames: Readonly<Record<MappingProtocol, string>> = { 'nat-pmp': 'NAT-PMP', upnp: 'UPnP' }

export interface WantedPort {
  internalPort: number
  /** The gateway may give another. */
  externalPort: number
  lifetimeMs: number
}

interface GivenPort {
  externalPort: number
  /** After which the gateway forgets it. */
  lifetimeMs: number
}

/** A gateway that speaks a protocol. Each question rejects with what the gateway said, or that it says nothing. */
export interface GatewayClient {
  /** The address that it has outside. */
  externalAddress: (signal: AbortSignal) => Promise<string>
  /** Asks for a TCP port, or for one that this node has for longer. */
  map: (wanted: WantedPort, signal: AbortSignal) => Promise<GivenPort>
  /** Gives a port back. */
  unmap: (port: { internalPort: number; externalPort: number }, signal: AbortSignal) => Promise<void>
  close: () => void
}

/** This host and its gateway on their network. */
export interface GatewayEnds {
  gateway: string
  internalIp: string
}

export type OpenGateway = (ends: GatewayEnds, signal: AbortSignal) => Promise<GatewayClient>
