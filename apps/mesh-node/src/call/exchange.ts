import type { IncomingMessage } from 'node:http'
import type { Tunnel } from '@agent-mesh/client'
import { MeshError, toMeshError } from '@agent-mesh/wire/errors'
import type { Body } from './request.ts'

// As in the client: an import of node:http loads all of fetch with it.
const { request } = process.getBuiltinModule('node:http')

interface Outgoing {
  method: string
  path: string
  headers: string[]
  body: Body | undefined
}

/** What ended an exchange, as the tunnel knows it, or in the words of HTTP. */
export const failureOf = (tunnel: Tunnel, err: unknown): MeshError => {
  if (tunnel.errored instanceof MeshError) return tunnel.errored
  if (err instanceof MeshError) return err
  const code = err instanceof Error && 'code' in err ? String(err.code) : ''
  const why = err instanceof Error ? err.message : String(err)
  if (code.startsWith('HPE_'))
    return new MeshError('TUNNEL_RESET', `${tunnel.service} answered what is no HTTP: ${why}.`, {
      cause: err,
      hint: `Is it an http service? mesh-node find ${tunnel.name ?? tunnel.peerId} lists the kinds.`
    })
  return code === 'ECONNRESET'
    ? new MeshError('TUNNEL_RESET', `${tunnel.service} ended the connection before its answer was whole.`, {
        cause: err
      })
    : toMeshError(err)
}

/** Sends a request over a tunnel of its own. @returns the head of the answer, with the body to be read */
export const exchange = async (tunnel: Tunnel, { method, path, headers, body }: Outgoing): Promise<IncomingMessage> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const outgoing = request({
    method,
    path,
    headers,
    setDefaultHeaders: false,
    createConnection: () => tunnel
  })
  outgoing.once('response', resolve)
  outgoing.on('error', (err) => reject(failureOf(tunnel, err)))
  if (body === undefined) outgoing.end()
  else if (Buffer.isBuffer(body.content)) outgoing.end(body.content)
  else {
    body.content.once('error', (err) => outgoing.destroy(err))
    body.content.pipe(outgoing)
  }
  return promise
}
