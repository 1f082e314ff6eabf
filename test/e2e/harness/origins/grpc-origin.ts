import { join } from 'node:path'
import {
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceClientConstructor
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { onCleanup } from '../cleanup.ts'

export interface Words {
  text: string
}

export interface Answer {
  /** Who answered. */
  origin: string
  text: string
}

const definition = loadPackageDefinition(
  loadSync(join(import.meta.dirname, 'agent.proto'), { keepCase: true, defaults: true })
)

const isService = (value: unknown): value is ServiceClientConstructor =>
  typeof value === 'function' && 'service' in value

/** The service of `agent.proto`, for servers and clients. */
export const agentService = (): ServiceClientConstructor => {
  const found = definition['agent']
  const inner: unknown = found !== undefined && 'Agent' in found ? found['Agent'] : undefined
  if (!isService(inner)) throw new Error('agent.proto has no service agent.Agent')
  return inner
}

const trailersOf = (id: string, count: number): Metadata => {
  const trailers = new Metadata()
  trailers.set('origin', id)
  trailers.set('count', String(count))
  return trailers
}

/** What the server saw end before it was done. */
interface Cancellation {
  call: string
  atMs: number
}

export interface GrpcOrigin {
  port: number
  readonly cancellations: readonly Cancellation[]
}

/** A gRPC server with one method of each kind; answers name it, trailers count the messages. */
export const startGrpcOrigin = async (id: string): Promise<GrpcOrigin> => {
  const cancellations: Cancellation[] = []
  const noteCancel = (call: { on: (event: 'cancelled', listener: () => void) => unknown }, name: string): void => {
    call.on('cancelled', () => cancellations.push({ call: name, atMs: performance.now() }))
  }

  const upper: handleUnaryCall<Words, Answer> = (call, callback) => {
    noteCancel(call, 'upper')
    const { text } = call.request
    if (text === 'wait') return
    if (text === '') {
      callback({ code: status.INVALID_ARGUMENT, details: 'text is empty', metadata: trailersOf(id, 0) })
      return
    }
    const header = new Metadata()
    header.set('seen', String(call.metadata.get('asked')[0] ?? ''))
    call.sendMetadata(header)
    callback(null, { origin: id, text: text.toUpperCase() }, trailersOf(id, 1))
  }

  const split: handleServerStreamingCall<Words, Answer> = (call) => {
    noteCancel(call, 'split')
    const words = call.request.text.split(' ')
    for (const text of words) call.write({ origin: id, text })
    // The word "wait" keeps the stream open until the client leaves.
    if (words.at(-1) !== 'wait') call.end(trailersOf(id, words.length))
  }

  const joinWords: handleClientStreamingCall<Words, Answer> = (call, callback) => {
    noteCancel(call, 'join')
    const words: string[] = []
    call.on('data', ({ text }: Words) => words.push(text))
    call.on('end', () => callback(null, { origin: id, text: words.join(' ') }, trailersOf(id, words.length)))
  }

  const converse: handleBidiStreamingCall<Words, Answer> = (call) => {
    noteCancel(call, 'converse')
    let count = 0
    call.on('data', ({ text }: Words) => {
      count += 1
      call.write({ origin: id, text: Array.from(text).toReversed().join('') })
    })
    call.on('end', () => call.end(trailersOf(id, count)))
  }

  const server = new Server()
  server.addService(agentService().service, { Upper: upper, Split: split, Join: joinWords, Converse: converse })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) =>
    err === null ? resolve(port) : reject(err)
  )
  onCleanup(() => server.forceShutdown())
  return { port: await promise, cancellations }
}
