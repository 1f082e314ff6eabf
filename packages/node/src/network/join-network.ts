import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { limits, MeshError, parseName, toMeshError, type ErrorCode, type Ticket } from '@agent-mesh/wire'
import { decodeTicket, loadOrCreateKey, networkIdOf, parseNetworkKey } from '@agent-mesh/identity'
import {
  createLeash,
  deadline,
  HeldReservations,
  isRelayed,
  RelayTransport,
  requestJoin,
  type Joined,
  type RelayTransportComponents
} from '@agent-mesh/control-plane'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import { transport } from '../host/transport.ts'
import { loadCredentials, saveMembership } from '../state/credentials.ts'
import { stateFiles, type StateFiles } from '../state/documents.ts'
import { lockState } from '../state/lock.ts'
import type { StateDir } from '../state/state-dir.ts'
import { startFrom } from './first-peers.ts'
import { describeNetwork } from './network-info.ts'

export interface JoinOptions {
  ticket: string
  name: string
  signal?: AbortSignal
  /** One line for a person who waits. */
  onProgress?: (text: string) => void
}

interface Way {
  address: Multiaddr
  peerId: string
}

/** Whom to ask: the issuer's own addresses first, then members that pass the request on. */
const waysTo = ({ addresses, issuer }: Ticket): Way[] => {
  const ways = addresses.flatMap((bytes): Way[] => {
    try {
      const address = multiaddr(bytes)
      const peerId = address.getComponents().findLast((part) => part.name === 'p2p')?.value
      return peerId === undefined ? [] : [{ address, peerId }]
    } catch {
      return []
    }
  })
  const isIssuer = ({ address }: Way): number =>
    Number(Buffer.from(address.bytes.subarray(-issuer.length)).equals(issuer))
  return ways.toSorted((a, b) => isIssuer(b) - isIssuer(a))
}

/** Refusals of the issuer itself: another way to it would bring the same answer. */
const isFinal = (code: ErrorCode): boolean =>
  code.startsWith('TICKET_') ||
  code.startsWith('NAME_') ||
  code.startsWith('CERTIFICATE_') ||
  code === 'NOT_ISSUER' ||
  code === 'CLOCK_SKEW'

/** Of a network that one joins, and how it was reached. */
export interface JoinedNetwork extends NetworkInfo {
  /** Address of the relay of another network that led there; absent where none did. */
  carrier?: string
}

/** A ticket may lead through a relay that carries for anybody; nobody is taken in through one. */
const throughRelays = (components: RelayTransportComponents): RelayTransport =>
  new RelayTransport(components, new HeldReservations())

const ask = async (
  ways: Way[],
  ticket: Ticket,
  key: Ed25519PrivateKey,
  { name, signal, onProgress }: JoinOptions
): Promise<{ joined: Joined; address: Multiaddr }> => {
  const { transports, ...channel } = transport()
  const host = await createLibp2p({
    privateKey: key,
    addresses: { listen: [] },
    ...channel,
    transports: [...transports, throughRelays],
    connectionMonitor: { enabled: false }
  })
  const failures: string[] = []
  try {
    for (const { address } of ways) {
      onProgress?.(`asking ${address.toString()}`)
      try {
        const leash = createLeash(deadline(limits.dialTimeoutMs, signal))
        const connection = await host.dial(address, { signal: leash.signal })
        leash.release()
        const given = signal === undefined ? {} : { signal }
        return { joined: await requestJoin({ connection, ticket, key, name, ...given }), address }
      } catch (err) {
        signal?.throwIfAborted()
        const error = toMeshError(err, 'UNREACHABLE')
        if (isFinal(error.code)) throw error
        failures.push(`${address.toString()}: ${error.message}`)
      }
    }
    throw new MeshError(
      'UNREACHABLE',
      `No member of the ticket answered (${failures.join('; ') || 'it names no usable address'}).`,
      {
        hint: 'Is the node of the issuer running, and can this machine reach it? mesh-node invite there makes a ticket with its present addresses.'
      }
    )
  } finally {
    await host.stop()
  }
}

/**
 * Joins the network of a ticket: makes a key where there is none, proves the ticket to its issuer, and stores the
 * certificate and the members to start from. Nothing but the key is written before the answer was verified.
 * @throws MeshError TICKET_*, NAME_*, NETWORK_EXISTS, UNREACHABLE, RATE_LIMITED, STATE_LOCKED, KEY_*
 */
export const joinNetwork = async (directory: StateDir, options: JoinOptions): Promise<JoinedNetwork> => {
  const name = parseName(options.name)
  const ticket = decodeTicket(options.ticket, Date.now())
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    await checkMayJoin(files, ticket, directory.path)
    const key = await loadOrCreateKey(files.identityKey)
    const ways = waysTo(ticket)
    if (ways.some(({ peerId }) => peerId === peerIdFromPrivateKey(key).toString()))
      throw new MeshError('NETWORK_EXISTS', 'This node issued the ticket itself.')
    const { joined, address } = await ask(ways, ticket, key, { ...options, name })
    await files.peers.write(startFrom([...ways.map((way) => way.address), ...joined.addresses]))
    // before the certificate: a member that does not know that there is a policy would allow what it serves
    if (joined.policyVersion > 0) await files.policyAwaited.write({ version: joined.policyVersion })
    await saveMembership(files, parseNetworkKey(ticket.networkKey), joined.chain)
    const network = describeNetwork(await loadCredentials(files, Date.now()))
    return isRelayed(address) ? { ...network, carrier: address.decapsulate('/p2p-circuit').toString() } : network
  } finally {
    await unlock()
  }
}

/** A node whose certificate has ended joins its own network again; everything else is refused. */
const checkMayJoin = async (files: StateFiles, ticket: Ticket, path: string): Promise<void> => {
  if ((await files.membership.read()) === undefined) return
  const { networkId, membership } = await loadCredentials(files, undefined)
  const isSame = networkId === networkIdOf(parseNetworkKey(ticket.networkKey))
  if (isSame && membership.notAfterMs < Date.now()) return
  throw new MeshError('NETWORK_EXISTS', `${path} belongs to ${isSame ? 'this network' : 'another network'} already.`)
}
