/**
 * Channels of grpc-js through a running node. grpc-js can ask a proxy on a unix socket for a connection, and the local API
 * is one: nothing is loaded, and no port is opened.
 *
 * @example
 * ```ts
 * import { credentials } from '@grpc/grpc-js'
 * import { createClient } from '@agent-mesh/client'
 * import { grpcChannel } from '@agent-mesh/client/grpc'
 *
 * const { target, options } = grpcChannel(createClient(), 'words.alice.mesh')
 * const stub = new Words(target, credentials.createInsecure(), options)
 * ```
 */
import type { Client } from './client.ts'

export interface GrpcChannel {
  /** First argument of a stub or of `Channel`. */
  target: string
  /** Third argument. The credentials between them are insecure ones: the mesh encrypts and authenticates by itself. */
  options: {
    'grpc.http_connect_target': string
    'grpc.default_authority': string
  }
}

/** What a service of the kind `grpc` is known by where its name is left out. */
const grpcPort = 50_051

/**
 * Where a stub connects to. A failed connection is UNAVAILABLE to the stub, as over TCP; `client.connect` says why.
 * @param host - host name of the mesh, or member name
 */
export const grpcChannel = (
  { socketPath }: Pick<Client, 'socketPath'>,
  host: string,
  port: number = grpcPort
): GrpcChannel => ({
  target: `unix:${socketPath}`,
  options: { 'grpc.http_connect_target': `dns:${host}:${port}`, 'grpc.default_authority': host }
})
