import { multiaddr } from '@multiformats/multiaddr'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { abortedError, deadline } from '../discovery/deadline.ts'
import { raceAddresses } from './address-race.ts'
import { dialAddress } from './dial-address.ts'
import { unreachableError, type DialFailure } from './dial-failure.ts'
import { isRelayed, sortForDial } from './path-class.ts'
import { createSingleFlight } from './single-flight.ts'
import type { Connection, ConnectionGater, PeerId, PeerStore } from '@libp2p/interface'
import type { TransportManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Admission } from '../admission/interface.ts'
import type { RunningDiscovery } from '../discovery/discovery.ts'
import type { RememberedPeers } from '../discovery/remembered-peers.ts'

/** Parts of the host below its dial queue, which tries the addresses of a peer one after the other. */
export interface DialParts {
  transportManager: Pick<TransportManager, 'dial' | 'dialTransportForMultiaddr'>
  connectionGater: Pick<ConnectionGater, 'denyDialPeer' | 'denyDialMultiaddr'>
  peerStore: Pick<PeerStore, 'get' | 'merge' | 'patch'>
}

/**
 * As a libp2p service, `services: { dialParts: dialParts() }`: hands out the parts of the host that
 * {@link createDialler} needs and that libp2p keeps to its services. They are read when they are used.
 */
export const dialParts =
  () =>
  (components: DialParts): DialParts => ({
    get transportManager() {
      return components.transportManager
    },
    get connectionGater() {
      return components.connectionGater
    },
    get peerStore() {
      return components.peerStore
    }
  })

export interface Dialler {
  /**
   * An admitted connection: the best one that is open, otherwise a new one.
   * @throws MeshError UNREACHABLE, STALE_ROUTE, PEER_UNKNOWN, NOT_A_MEMBER, HELLO_TIMEOUT, REFUSED_EARLIER, TIMEOUT,
   * CANCELLED, and what the hello of the other side says
   */
  connect: (peer: PeerId, options: ConnectOptions) => Promise<Connection>
}

export interface ConnectOptions {
  signal: AbortSignal
  /** Where else it may be. */
  addresses?: Multiaddr[]
  /**
   * False where a peer that is at none of its known addresses is not to be searched for: the caller asks again soon, or
   * wants to know whether it is there. Default: true.
   */
  isSought?: boolean
}

/** Dials although there is a connection: to get a better one. */
export interface PathDialler {
  /**
   * A further admitted connection, by those known addresses of the peer that are of this kind.
   * @throws MeshError as {@link Dialler.connect}
   */
  attempt: (peer: PeerId, kind: 'direct' | 'relayed', signal: AbortSignal) => Promise<Connection>
}

export interface DiallerInit {
  self: PeerId
  host: DialParts
  admission: Pick<Admission, 'connections' | 'wait' | 'waitFor' | 'refusal'>
  discovery: Pick<RunningDiscovery, 'known' | 'record' | 'forget'>
  /** Addresses that this node remembers from an earlier run. */
  memory?: Pick<RememberedPeers, 'get'>
  /** Of the connections that are open; undefined where none of them serves. Default: the youngest without a relay. */
  choose?: (peer: PeerId, connections: Connection[]) => Connection | undefined
  /** No path through a relay. */
  isDirectOnly?: boolean
  dialTimeoutMs?: number
  addressTimeoutMs?: number
  parallel?: number
  staggerMs?: number
}

/** More than a record holds: what is remembered and what others named comes on top. */
const mostAddresses = 2 * limits.addressesPerRecord

/** Open connections, the best first: those without a relay's limits, then the youngest. */
const bestOf = (connections: Connection[]): Connection | undefined =>
  connections
    .filter(({ status }) => status === 'open')
    .toSorted(
      (a, b) =>
        Number(a.limits !== undefined) - Number(b.limits !== undefined) ||
        Number(b.direct) - Number(a.direct) ||
        b.timeline.open - a.timeline.open
    )[0]

/** The address with the peer's id at its end, so that the handshake fails with anybody else; undefined for another's. */
const toPeer = (address: Multiaddr, peer: PeerId): Multiaddr | undefined => {
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p') return address.encapsulate(`/p2p/${peer.toString()}`)
  return last.value === peer.toString() ? address : undefined
}

export const createDialler = ({
  self,
  host,
  admission,
  discovery,
  memory,
  choose = (_, connections) => bestOf(connections),
  isDirectOnly = false,
  dialTimeoutMs = limits.dialTimeoutMs,
  addressTimeoutMs = limits.addressDialTimeoutMs,
  parallel = 3,
  staggerMs = 250
}: DiallerInit): Dialler & PathDialler => {
  const flights = createSingleFlight<Connection>('The dial')

  const stored = async (peer: PeerId): Promise<Multiaddr[]> => {
    try {
      return (await host.peerStore.get(peer)).addresses.map((one) => one.multiaddr)
    } catch {
      return [] // never heard of
    }
  }

  const remembered = (peer: PeerId): Multiaddr[] =>
    (memory?.get(peer.toString())?.addresses ?? []).map((address) => multiaddr(address))

  /** What can be dialled, without what was tried already. */
  const usable = (peer: PeerId, addresses: Multiaddr[], tried: ReadonlySet<string>): Multiaddr[] => {
    const found = new Map<string, Multiaddr>()
    for (const address of addresses) {
      const full = toPeer(address, peer)
      if (full === undefined || tried.has(full.toString()) || (isDirectOnly && isRelayed(full))) continue
      if (host.transportManager.dialTransportForMultiaddr(full) !== undefined) found.set(full.toString(), full)
    }
    return sortForDial([...found.values()]).slice(0, mostAddresses)
  }

  /** Keeps everybody else on this node from dialling the address that belongs to somebody else by now. */
  const dropStale = async (peer: PeerId, failures: DialFailure[]): Promise<void> => {
    const stale = failures.filter(({ kind }) => kind === 'other-peer').map(({ address }) => address.toString())
    if (stale.length === 0) return
    discovery.forget(peer)
    const kept = (await stored(peer)).filter((address) => !stale.includes(String(toPeer(address, peer))))
    await host.peerStore.patch(peer, { multiaddrs: kept }).catch(() => undefined)
  }

  const race = async (
    peer: PeerId,
    addresses: Multiaddr[],
    signal: AbortSignal
  ): Promise<Connection | DialFailure[]> => {
    const result = await raceAddresses({
      addresses,
      dial: async (address, limit) => dialAddress(host, peer, address, limit),
      discard: (late) => void late.close().catch(() => late.abort(new Error('not needed'))),
      signal,
      addressTimeoutMs,
      parallel,
      staggerMs
    })
    if (!result.won) return result.failures
    await host.peerStore.merge(peer, { multiaddrs: [result.address] }).catch(() => undefined)
    return result.connection
  }

  const admitted = async (peer: PeerId, connection: Connection, signal: AbortSignal): Promise<Connection> => {
    try {
      await admission.waitFor(connection, { signal })
      return connection
    } catch (err) {
      // Both sides may have dialled at once, and the other connection is the one that stays.
      const other = bestOf(admission.connections(peer))
      if (other !== undefined) return other
      throw err
    }
  }

  const knownOf = async (peer: PeerId): Promise<Multiaddr[]> => [
    ...(discovery.known(peer)?.addresses ?? []),
    ...remembered(peer),
    ...(await stored(peer))
  ]

  const another = async (peer: PeerId, kind: 'direct' | 'relayed', signal: AbortSignal): Promise<Connection> => {
    const wanted = (await knownOf(peer)).filter((address) => isRelayed(address) === (kind === 'relayed'))
    const result = await race(peer, usable(peer, wanted, new Set()), signal)
    if (!Array.isArray(result)) return admitted(peer, result, signal)
    await dropStale(peer, result)
    if (signal.aborted) throw abortedError(signal, `The dial of ${peer.toString()}`)
    throw unreachableError(peer, result)
  }

  const check = async (peer: PeerId): Promise<void> => {
    const refusal = admission.refusal(peer)
    if (refusal !== undefined) throw refusal
    if ((await host.connectionGater.denyDialPeer?.(peer)) === true) {
      throw new MeshError('NOT_A_MEMBER', `This node does not dial ${peer.toString()}.`)
    }
  }

  /** Peers that somebody wants to be searched for, and how many do: a dial is shared, whoever began it. */
  const seekers = new Map<string, number>()
  const seek = (key: string, by: 1 | -1): void => {
    const count = (seekers.get(key) ?? 0) + by
    if (count === 0) seekers.delete(key)
    else seekers.set(key, count)
  }

  const open = async (peer: PeerId, given: Multiaddr[], signal: AbortSignal): Promise<Connection> => {
    const failures: DialFailure[] = []
    const tried = new Set<string>()
    const attempt = async (addresses: Multiaddr[]): Promise<Connection | undefined> => {
      const fresh = usable(peer, addresses, tried)
      if (fresh.length === 0) return undefined
      for (const address of fresh) tried.add(address.toString())
      const result = await race(peer, fresh, signal)
      if (!Array.isArray(result)) return admitted(peer, result, signal)
      failures.push(...result)
      await dropStale(peer, result)
      return undefined
    }
    const known = [...given, ...(await knownOf(peer))]
    const atOnce = await attempt(known)
    if (atOnce !== undefined) return atOnce
    if (signal.aborted) throw abortedError(signal, `The dial of ${peer.toString()}`)
    // Nothing known works: the peer may have moved, and its holders know where to.
    if (known.length > 0 && !seekers.has(peer.toString())) throw unreachableError(peer, failures)
    if (known.length > 0) discovery.forget(peer)
    const record = await discovery.record(peer, { signal })
    const later = await attempt(record?.addresses ?? [])
    if (later !== undefined) return later
    if (signal.aborted) throw abortedError(signal, `The dial of ${peer.toString()}`)
    if (failures.length === 0 && record === undefined) {
      throw new MeshError('PEER_UNKNOWN', `No address and no record of ${peer.toString()} is known.`)
    }
    throw unreachableError(peer, failures)
  }

  return {
    attempt: async (peer, kind, signal) => {
      await check(peer)
      try {
        return await flights.run(`${peer.toString()} ${kind}`, signal, async (shared) =>
          another(peer, kind, deadline(dialTimeoutMs, shared))
        )
      } catch (err) {
        throw toMeshError(err, 'UNREACHABLE')
      }
    },
    connect: async (peer, { signal, addresses = [], isSought = true }) => {
      if (self.equals(peer))
        throw new MeshError('TARGET_INVALID', 'This is the node itself; its services are at their own addresses.')
      const live = choose(peer, admission.connections(peer))
      if (live !== undefined) return live
      await check(peer)
      const key = peer.toString()
      if (isSought) seek(key, 1)
      try {
        return await flights.run(key, signal, async (shared) => open(peer, addresses, deadline(dialTimeoutMs, shared)))
      } catch (err) {
        throw toMeshError(err, 'UNREACHABLE')
      } finally {
        if (isSought) seek(key, -1)
      }
    }
  }
}
