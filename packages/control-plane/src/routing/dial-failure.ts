import { isLoopback } from '@libp2p/utils'
import { MeshError } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** `other-peer`: somebody else answers there; `denied`: our own gate forbids it; the rest: nobody we want answered. */
type DialFailureKind = 'other-peer' | 'denied' | 'timeout' | 'unreachable'

export interface DialFailure {
  address: Multiaddr
  kind: DialFailureKind
  /** For people, bounded. */
  reason: string
  cause: unknown
}

const textOf = (err: unknown): string => (err instanceof Error ? err.message : String(err))

/**
 * The handshake ended because another identity answered. The host wraps whatever a handshake throws into one error and
 * keeps only the text, so the name alone does not tell it from a connection that was cut.
 */
const isOtherPeer = (err: Error): boolean =>
  err.name === 'UnexpectedPeerError' ||
  (err.name === 'EncryptionFailedError' && /does not match expected|Unexpected Peer/.test(err.message))

const kindOf = (err: unknown): DialFailureKind => {
  if (!(err instanceof Error)) return 'unreachable'
  if (isOtherPeer(err)) return 'other-peer'
  if (err.name === 'ConnectionInterceptedError' || err.name === 'DialDeniedError') return 'denied'
  return err.name === 'TimeoutError' || err.name === 'AbortError' ? 'timeout' : 'unreachable'
}

/** What one address did. */
export const dialFailure = (address: Multiaddr, err: unknown): DialFailure => {
  const kind = kindOf(err)
  return { address, kind, reason: kind === 'timeout' ? 'no answer in time' : textOf(err).slice(0, 200), cause: err }
}

/**
 * Somebody else on the loopback address of a record is no sign of a stale route where the record has other addresses:
 * it is our own machine that answers there.
 */
const isStale = (failures: DialFailure[]): boolean => {
  const elsewhere = failures.filter(({ address }) => !isLoopback(address))
  return (elsewhere.length > 0 ? elsewhere : failures).some(({ kind }) => kind === 'other-peer')
}

/** One error for all addresses of a peer, each with its reason in the details. */
export const unreachableError = (peer: PeerId, failures: DialFailure[]): MeshError => {
  const details = { addresses: failures.map(({ address, reason }) => `${address.toString()}: ${reason}`).slice(0, 16) }
  const cause = new AggregateError(failures.map((failure) => failure.cause))
  const name = peer.toString()
  if (failures.length === 0)
    return new MeshError('UNREACHABLE', `No address of ${name} is known that this node can dial.`)
  if (isStale(failures)) {
    return new MeshError('STALE_ROUTE', `An address of ${name} is held by somebody else; nothing was sent there.`, {
      cause,
      details
    })
  }
  if (failures.every(({ kind }) => kind === 'denied')) {
    return new MeshError('NOT_A_MEMBER', `This node does not dial ${name}.`, { cause, details })
  }
  return new MeshError('UNREACHABLE', `None of ${failures.length} addresses of ${name} answered.`, { cause, details })
}
