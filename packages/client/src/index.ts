/**
 * Typed client of the local API of a running node: what the command, the dashboard and other programs use. HTTP has its
 * own entries, so that nobody loads what is not used: `/http` an agent for `node:http`, `/undici` a dispatcher and a
 * `fetch`, `/grpc` channels of grpc-js.
 *
 * @example
 * ```ts
 * import { createClient } from '@agent-mesh/client'
 *
 * const client = createClient()
 * const { candidates } = await client.find({ query: 'language_processing/translation' })
 * const tunnel = await client.connect(`${candidates[0]?.peerId ?? ''}/web`)
 * tunnel.end('GET / HTTP/1.0\r\n\r\n')
 * tunnel.pipe(process.stdout)
 * ```
 */
export { createClient, type Client, type ClientOptions } from './client.ts'
export type { CallOptions } from './call.ts'
export { Tunnel, type ConnectOptions } from './connect.ts'
