import { limits, MeshError } from '@agent-mesh/wire'
import { raceAddresses } from '../routing/address-race.ts'
import { dialAddress } from '../routing/dial-address.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { DialFailure } from '../routing/dial-failure.ts'
import type { DialParts } from '../routing/dialler.ts'

export interface DialCarrierInit {
  host: Pick<DialParts, 'connectionGater' | 'transportManager'>
  peer: PeerId
  /** Each ends in the id of the carrier. */
  addresses: Multiaddr[]
  signal: AbortSignal
}

const describe = (peer: PeerId, failures: DialFailure[]): MeshError => {
  const details = { addresses: failures.map(({ address, reason }) => `${address.toString()}: ${reason}`) }
  const other = failures.find(({ kind }) => kind === 'other-peer')
  if (other !== undefined)
    return new MeshError(
      'STALE_ROUTE',
      `Somebody else than the carrier ${peer.toString()} answers at ${other.address.toString()}; nothing was asked there.`,
      { hint: 'Correct the address or the peer id in relay.carriers.', details, cause: other.cause }
    )
  const [first] = failures
  const why = first === undefined ? 'it was given up' : `${first.address.toString()}: ${first.reason}`
  return new MeshError('UNREACHABLE', `The carrier ${peer.toString()} does not answer (${why}).`, {
    hint: 'Is it running, and may this machine reach it? It is tried again by itself.',
    details,
    cause: first?.cause
  })
}

/**
 * A connection to a carrier that has proven its peer id. Nothing is said on it.
 * @throws MeshError STALE_ROUTE where somebody else answers, UNREACHABLE
 */
export const dialCarrier = async ({ host, peer, addresses, signal }: DialCarrierInit): Promise<Connection> => {
  const result = await raceAddresses({
    addresses,
    dial: async (address, limit) => dialAddress(host, peer, address, limit),
    discard: (late) => late.abort(new Error('not needed')),
    signal,
    addressTimeoutMs: limits.addressDialTimeoutMs
  })
  if (result.won) return result.connection
  throw describe(peer, result.failures)
}
