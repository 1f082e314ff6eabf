import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { SocketAddress } from '../../interfaces.ts'
import { formatHostPort } from '../socket-address.ts'
import type { CheckResult } from './verdict.ts'

const hostOf = (address: SocketAddress): string =>
  address.type === 'tcp' ? formatHostPort(address.host, address.port) : 'localhost'

/**
 * Asks `GET <path>` on a connected socket; 2xx and 3xx pass. The body is not read.
 * @throws whatever the connection ends with
 */
export const probeHttp = async (socket: Socket, address: SocketAddress, path: string): Promise<CheckResult> => {
  const { promise, resolve, reject } = Promise.withResolvers<CheckResult>()
  const asked = request({
    createConnection: () => socket,
    path,
    method: 'GET',
    setHost: false,
    headers: { host: hostOf(address), 'user-agent': 'mesh-node-check', connection: 'close' }
  })
  asked.once('response', (response) => {
    const { statusCode = 0 } = response
    const isOk = statusCode >= 200 && statusCode < 400
    resolve(isOk ? { isOk } : { isOk, reason: `GET ${path} answered ${statusCode}` })
    response.once('error', () => {})
    response.destroy()
  })
  asked.on('error', reject)
  asked.once('close', () => reject(new Error('it closed the connection without an answer')))
  asked.end()
  return promise
}
