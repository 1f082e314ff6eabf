import { MeshError } from '@agent-mesh/wire'
import { isRelayed, pathClassOf, type Admission } from '@agent-mesh/control-plane'
import type { MtuResponse, Overhead } from '@agent-mesh/wire/api'
import type { Connection, PeerId } from '@libp2p/interface'
import type { TcpCounters } from '../host/tcp-info.ts'
import { tcpEndpointOf } from './endpoint.ts'
import { measureOverhead } from './overhead.ts'
import type { NodePaths } from './paths.ts'
import type { NodeWatch } from './underlay-watch.ts'

export interface MtuReportInit {
  admission: Pick<Admission, 'connections' | 'members'>
  paths: Pick<NodePaths, 'choose'>
  watch: Pick<NodeWatch, 'mtu'>
  tcp: TcpCounters
  /** `protocols(networkId).underlay`. */
  protocol: string
}

type Found = Pick<MtuResponse, 'host' | 'mtu' | 'mtuReason' | 'ageMs'>

const relayOf = ({ remoteAddr }: Connection): string | undefined =>
  remoteAddr.getComponents().find(({ name }) => name === 'p2p')?.value

/** The largest packet on the path to a connected agent, and what bytes of tunnels cost on one connection to it of each class. */
export const reportMtu = async (
  { admission, paths, watch, tcp, protocol }: MtuReportInit,
  peer: PeerId,
  signal: AbortSignal
): Promise<Pick<MtuResponse, 'host' | 'mtu' | 'mtuReason' | 'ageMs' | 'overheads' | 'tcp'>> => {
  const found = await watch.mtu(peer, signal).catch((err: unknown): Found => {
    // Through a relay there is no such size to find, and yet something to tell.
    if (!(err instanceof MeshError) || err.code !== 'UNREACHABLE' || admission.connections(peer).length === 0) throw err
    return { mtuReason: err.message, ageMs: 0 }
  })
  /** That to the relay which a circuit runs through. */
  const toRelay = (connection: Connection): Connection | undefined => {
    const id = isRelayed(connection.remoteAddr) ? relayOf(connection) : undefined
    const relay = admission.members().find((member) => member.toString() === id)
    if (relay === undefined) return undefined
    return admission.connections(relay).find(({ remoteAddr }) => tcpEndpointOf(remoteAddr) !== undefined)
  }
  const connections = admission.connections(peer)
  const chosen = paths.choose(peer, connections)
  const byClass = new Map<string, Connection>()
  for (const one of [...(chosen === undefined ? [] : [chosen]), ...connections])
    if (!byClass.has(pathClassOf(one))) byClass.set(pathClassOf(one), one)
  const overheads: Overhead[] = []
  // One after the other: what is counted of one must not be of another.
  for (const connection of byClass.values())
    overheads.push(
      await measureOverhead({
        connection,
        protocol,
        tcp,
        toRelay: toRelay(connection),
        isBlackHole: found.mtu?.isBlackHole === true,
        signal
      })
    )
  await tcp.refresh()
  const remote = chosen === undefined ? undefined : tcpEndpointOf(chosen.remoteAddr)
  const counters = remote === undefined ? undefined : tcp.of(remote)
  return { ...found, overheads, ...(counters === undefined ? {} : { tcp: counters }) }
}
