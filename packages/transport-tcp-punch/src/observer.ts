import {
  InvalidCryptoExchangeError,
  serviceCapabilities,
  type AbortOptions,
  type ConnectionEncrypter,
  type MessageStream,
  type SecuredConnection
} from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { isMultiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { ObservedAddress } from '@agent-mesh/wire'
import { endpointOf } from './address.ts'

const addressOf = (connection: MessageStream): Multiaddr | undefined =>
  'remoteAddr' in connection && isMultiaddr(connection.remoteAddr) ? connection.remoteAddr : undefined

/**
 * Says on the listen port of a host from where a connection comes, and nothing else; whoever asks hangs up. It stands
 * among the encrypters because that is the first choice that a caller makes on a connection of libp2p: no further port
 * to open, and nothing of a handshake for one answer.
 */
export class TcpObserver implements ConnectionEncrypter {
  readonly protocol: string
  readonly [serviceCapabilities] = ['@libp2p/connection-encryption']
  readonly [Symbol.toStringTag] = '@agent-mesh/tcp-observer'

  constructor(protocol: string) {
    this.protocol = protocol
  }

  async secureInbound(connection: MessageStream, { signal }: AbortOptions = {}): Promise<SecuredConnection> {
    const address = addressOf(connection)
    const endpoint = address === undefined ? undefined : endpointOf(address)
    if (endpoint === undefined) throw new InvalidCryptoExchangeError('Only a TCP connection is seen from somewhere.')
    const { promise, resolve } = Promise.withResolvers<void>()
    connection.addEventListener('close', () => resolve(), { once: true })
    signal?.addEventListener('abort', () => resolve(), { once: true })
    const options = signal === undefined ? {} : { signal }
    await lpStream(connection).write(ObservedAddress.encode(endpoint), options)
    await promise
    throw new InvalidCryptoExchangeError('The caller asked from where it is seen, and got its answer.')
  }

  /** libp2p offers every encrypter; a host that takes this one has no other. */
  async secureOutbound(): Promise<SecuredConnection> {
    throw new InvalidCryptoExchangeError('The other side has no encrypter that is known here.')
  }
}
