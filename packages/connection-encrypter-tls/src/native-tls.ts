import { connect, TLSSocket, type TLSSocketOptions } from 'node:tls'
import {
  InvalidCryptoExchangeError,
  serviceCapabilities,
  TimeoutError,
  type ConnectionEncrypter,
  type MessageStream,
  type PrivateKey,
  type SecureConnectionOptions,
  type SecuredConnection,
  type StreamMuxerFactory
} from '@libp2p/interface'
import { tls, type TLSComponents } from '@libp2p/tls'
import { createCertificate, verifyCertificate, type HostCertificate } from './certificate.ts'
import { cipherSuites, plainAlpn, protocol, socketBufferBytes } from './constants.ts'
import { EncryptedConnection } from './encrypted-connection.ts'
import { takeSocket } from './socket-of.ts'

export interface NativeTlsComponents extends TLSComponents {
  privateKey: PrivateKey
}

export interface NativeTlsInit {
  /**
   * What a connection brings lies in memory that is used again once it was given back by `release` of `@agent-mesh/slabs`, or
   * sent over such a connection. For muxers that know of that; others get copies.
   */
  lends?: boolean
}

type Muxers = ReadonlyMap<string, StreamMuxerFactory>

/** The client's first choice that both sides have. */
const chooseAlpn = (offered: readonly string[], muxers: Muxers): string | undefined =>
  offered.find((name) => muxers.has(name)) ?? offered.find((name) => name === plainAlpn)

/** Encrypts TCP connections with the TLS engine of Node, on their own sockets; others with the stock encrypter. */
export class NativeTls implements ConnectionEncrypter {
  readonly protocol = protocol
  readonly [serviceCapabilities] = ['@libp2p/connection-encryption']
  readonly [Symbol.toStringTag] = '@agent-mesh/connection-encrypter-tls'
  readonly #components: NativeTlsComponents
  readonly #lends: boolean
  readonly #stock: ConnectionEncrypter
  #certificate: Promise<HostCertificate> | undefined

  constructor(components: NativeTlsComponents, { lends = false }: NativeTlsInit = {}) {
    this.#lends = lends
    this.#components = components
    this.#stock = tls()(components)
  }

  async secureInbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#secure(connection, true, options)
  }

  async secureOutbound(connection: MessageStream, options: SecureConnectionOptions = {}): Promise<SecuredConnection> {
    return this.#secure(connection, false, options)
  }

  /** One for the life of the host, as go-libp2p has it: making a key takes longer than a handshake. */
  async #hostCertificate(): Promise<HostCertificate> {
    this.#certificate ??= createCertificate(this.#components.privateKey)
    this.#certificate.catch(() => {
      this.#certificate = undefined
    })
    return this.#certificate
  }

  async #secure(
    connection: MessageStream,
    isServer: boolean,
    options: SecureConnectionOptions
  ): Promise<SecuredConnection> {
    const certificate = await this.#hostCertificate()
    options.signal?.throwIfAborted()
    const raw = takeSocket(connection)
    if (raw === undefined)
      return isServer ? this.#stock.secureInbound(connection, options) : this.#stock.secureOutbound(connection, options)
    const muxers: Muxers =
      options.skipStreamMuxerNegotiation === true ? new Map() : this.#components.upgrader.getStreamMuxers()
    const settings: TLSSocketOptions & { highWaterMark: number } = {
      ...certificate,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: cipherSuites,
      // certificates are self-signed; who is behind one is verified below
      rejectUnauthorized: false,
      requestCert: true,
      highWaterMark: socketBufferBytes
    }
    const socket = isServer
      ? new TLSSocket(raw, {
          ...settings,
          isServer,
          ALPNCallback: ({ protocols }) => chooseAlpn(protocols, muxers)
        })
      : connect({ ...settings, socket: raw, ALPNProtocols: [...muxers.keys(), plainAlpn] })
    try {
      const remotePeer = await handshake(socket, options)
      // while the certificate was verified nobody listened for the end
      if (socket.destroyed || connection.status !== 'open')
        throw new InvalidCryptoExchangeError('The connection ended during the TLS handshake.')
      const streamMuxer = this.#muxerOf(socket.alpnProtocol, muxers)
      return {
        remotePeer,
        connection: new EncryptedConnection(connection, socket, this.#lends),
        ...(streamMuxer === undefined ? {} : { streamMuxer })
      }
    } catch (err) {
      const error = err instanceof Error ? err : new Error(String(err))
      connection.abort(error)
      socket.destroy()
      throw error
    }
  }

  #muxerOf(chosen: string | false | null, muxers: Muxers): StreamMuxerFactory | undefined {
    if (typeof chosen !== 'string' || chosen === plainAlpn) return undefined
    const muxer = muxers.get(chosen)
    if (muxer === undefined)
      throw new InvalidCryptoExchangeError(`The other side chose ${chosen}, which was not offered.`)
    return muxer
  }
}

/** Waits for the handshake and verifies who is there; nothing is read before that. */
const handshake = async (socket: TLSSocket, { signal, remotePeer }: SecureConnectionOptions) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => reject(new TimeoutError('The TLS handshake took too long.'))
  const onClose = (): void => reject(new InvalidCryptoExchangeError('The connection ended during the TLS handshake.'))
  // stays: without a listener a late error would end the process
  socket.on('error', reject)
  // The event comes from within OpenSSL's own read: whoever destroys the socket in the same turn, promises included,
  // frees what is being read, and the process ends with a segmentation fault.
  socket.once('secure', () => setImmediate(resolve))
  socket.once('close', onClose)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
    const { raw } = socket.getPeerCertificate()
    if (raw === undefined) throw new InvalidCryptoExchangeError('The other side showed no certificate.')
    return await verifyCertificate(raw, remotePeer)
  } finally {
    socket.off('close', onClose)
    signal?.removeEventListener('abort', onAbort)
  }
}
