import type { Duplex } from 'node:stream'
import { splice, type SpliceEnd } from '../../tunnel/splice.ts'
import { spokenHttp } from './first-bytes.ts'
import type { Field } from './head.ts'
import { bridgeHttp2 } from './http2-bridge.ts'
import { HttpFilter } from './http-filter.ts'

/**
 * Joins a tunnel and a service that speaks HTTP, so that every request says who calls.
 * @param identity - fields that say who calls; asked for every request
 */
export const serveHttp = async (
  tunnel: Duplex,
  local: Duplex,
  kind: 'http' | 'grpc',
  identity: () => readonly Field[]
): Promise<SpliceEnd> => {
  const spoken = kind === 'grpc' ? 'http2' : await spokenHttp(tunnel, local)
  if (spoken === 'http1') return splice(tunnel, local, new HttpFilter(identity))
  await bridgeHttp2(tunnel, local, identity)
  return {}
}
