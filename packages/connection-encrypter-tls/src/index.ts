/**
 * libp2p's TLS 1.3 (`/tls/1.0.0`) on the native socket of a TCP connection. What `@libp2p/tls` does in JavaScript streams
 * happens in the TLS engine of Node, on the handle of the socket: the same bytes on the wire, two to three times as fast.
 * Where a connection has no socket of its own (relayed, WebRTC, unix sockets) the stock encrypter takes its place.
 *
 * @example
 * ```ts
 * import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
 *
 * const node = await createLibp2p({ transports: [tcp()], connectionEncrypters: [nativeTls()], streamMuxers: [yamux()] })
 * ```
 */
import { NativeTls, type NativeTlsComponents, type NativeTlsInit } from './native-tls.ts'
import type { ConnectionEncrypter } from '@libp2p/interface'

export type { NativeTlsComponents, NativeTlsInit } from './native-tls.ts'

export const nativeTls =
  (init: NativeTlsInit = {}) =>
  (components: NativeTlsComponents): ConnectionEncrypter =>
    new NativeTls(components, init)
