import { multiaddr } from '@multiformats/multiaddr'
import { createHost, type TestNetwork } from '@agent-mesh/testkit'
import {
  HeldReservations,
  memberOnly,
  RelayServer,
  RelayTransport,
  reserve,
  type RelayServerComponents,
  type RelayServerInit,
  type RelayTransportComponents
} from '../../src/index.ts'
import { track } from '../admission/fixture.ts'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Connection, Libp2p } from '@libp2p/interface'

const MiB = 1024 * 1024

const generous: RelayServerInit = {
  reservations: 16,
  circuits: 64,
  circuitsPerPeer: 32,
  bytesPerSecond: 1024 * MiB,
  bytesPerHour: 1024 * 1024 * MiB
}

/** A member that relays. */
export const startRelay = async (network: TestNetwork, init: Partial<RelayServerInit> = {}) => {
  const relay = track(
    await createHost({
      network,
      member: await network.member('relay'),
      services: {
        relay: memberOnly((c: RelayServerComponents) => new RelayServer(c, { ...generous, ...init }), 'connections')
      }
    })
  )
  await relay.libp2p.services.relay.serve(true)
  return relay
}

type Relay = Awaited<ReturnType<typeof startRelay>>

/** A member that listens nowhere and can go through relays. */
export const startBehind = async (network: TestNetwork, name: string) => {
  const held = new HeldReservations()
  const host = track(
    await createHost({
      network,
      member: await network.member(name),
      listen: [],
      transports: [memberOnly((c: RelayTransportComponents) => new RelayTransport(c, held), 'connections')]
    })
  )
  return { ...host, held }
}

type Behind = Awaited<ReturnType<typeof startBehind>>

export const linkTo = async (from: Pick<Behind, 'libp2p'>, to: { libp2p: Libp2p }): Promise<Connection> => {
  const connection = await from.libp2p.dial(to.libp2p.getMultiaddrs())
  await from.libp2p.services.admission.waitFor(connection)
  return connection
}

/** Connects to the relay and holds a place there. @returns its address through the relay */
export const holdPlace = async (member: Behind, relay: Relay): Promise<Multiaddr> => {
  const place = await reserve(await linkTo(member, relay), AbortSignal.timeout(5_000))
  member.held.put(place)
  return multiaddr(`${String(place.addresses[0])}/p2p/${member.libp2p.peerId.toString()}`)
}
