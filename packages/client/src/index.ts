/**
 * Typed client of the local API of a running node: what the command, the dashboard and other programs use.
 *
 * @example
 * ```ts
 * import { createClient } from '@agent-mesh/client'
 * import { defaultStateDir, locateStateDir } from '@agent-mesh/node/state-dir'
 *
 * const { socketPath } = locateStateDir(defaultStateDir(process.env))
 * const client = createClient({ socketPath })
 * const { candidates } = await client.find({ query: 'language_processing/translation' })
 * const tunnel = await client.connect(`${candidates[0]?.peerId ?? ''}/web`)
 * tunnel.end('GET / HTTP/1.0\r\n\r\n')
 * tunnel.pipe(process.stdout)
 * ```
 */
export { createClient, type Client, type ClientOptions } from './client.ts'
export type { CallOptions } from './call.ts'
export type { Tunnel } from './connect.ts'
