/**
 * gRPC streaming. Alice runs an ordinary server of grpc-js on 127.0.0.1; Bob's stub connects to `words.alice.mesh` through
 * his node. Streams, trailers, deadlines and cancelling are those of grpc-js; the mesh carries the bytes.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ClientReadableStream,
  type ServerWritableStream,
  type ServiceClientConstructor
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { createClient } from '@agent-mesh/client'
import { grpcChannel } from '@agent-mesh/client/grpc'
import { startAgent } from '@agent-mesh/node'

interface Text {
  text: string
}

const { words } = loadPackageDefinition(loadSync(join(import.meta.dirname, 'words.proto')))
const isService = (value: unknown): value is ServiceClientConstructor =>
  typeof value === 'function' && 'service' in value
const Words: unknown = words !== undefined && 'Words' in words ? words['Words'] : undefined
if (!isService(Words)) throw new Error('words.proto has no service Words')

const listen = ['/ip4/127.0.0.1/tcp/0']
const alice = await startAgent({ name: 'alice', isFounder: true, listen })
const bob = await startAgent({ name: 'bob', ticket: await alice.invite(), listen })
const server = new Server()

try {
  server.addService(Words.service, {
    Split: (call: ServerWritableStream<Text, Text>) => {
      console.log(`alice is called by ${String(call.metadata.get('mesh-peer-name')[0])}`)
      call.metadata.set('answered-by', alice.peerId)
      for (const text of call.request.text.split(' ')) call.write({ text })
      call.end(call.metadata)
    }
  })
  const bind = promisify(server.bindAsync.bind(server))
  const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure())
  await alice.serve('words', `grpc://127.0.0.1:${port}`)
  console.log(`alice is ${alice.peerId}`)

  const { target, options } = grpcChannel(createClient({ socketPath: bob.socketPath }), 'words.alice.mesh')
  const stub = new Words(target, credentials.createInsecure(), options)
  const split = stub['Split']?.bind(stub)
  const stream: ClientReadableStream<Text> = split?.({ text: 'one two three' }, { deadline: Date.now() + 10_000 })
  stream.on('data', ({ text }: Text) => console.log(`bob reads: ${text}`))
  const [status] = await once(stream, 'status')
  console.log(`answered by ${String(status.metadata.get('answered-by')[0])}, status ${status.code}`)
  stub.close()
} finally {
  server.forceShutdown()
  await bob.close()
  await alice.close()
}
