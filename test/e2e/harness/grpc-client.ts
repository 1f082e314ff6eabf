import {
  credentials,
  Metadata,
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type ServiceError,
  type StatusObject
} from '@grpc/grpc-js'
import { onCleanup } from './cleanup.ts'
import { agentService, type Answer, type Words } from './origins/grpc-origin.ts'

type Done = (err: ServiceError | null, answer?: Answer) => void

/** The stub that grpc-js makes of `agent.proto`, with its types. */
export interface AgentClient {
  Upper: (words: Words, metadata: Metadata, options: CallOptions, done: Done) => ClientUnaryCall
  Split: (words: Words, options?: CallOptions) => ClientReadableStream<Answer>
  Join: (done: Done) => ClientWritableStream<Words>
  Converse: () => ClientDuplexStream<Words, Answer>
  close: () => void
}

const isAgentClient = (client: object): client is AgentClient =>
  'Upper' in client && 'Split' in client && 'Join' in client && 'Converse' in client

/** One call to a name that only a proxy knows, with the proxy in the environment as programs find it. */
export const upperThrough = async (proxy: string, target: string, text: string): Promise<Answer> => {
  const before = process.env['grpc_proxy']
  process.env['grpc_proxy'] = proxy
  const Agent = agentService()
  const client: object = new Agent(target, credentials.createInsecure())
  if (before === undefined) delete process.env['grpc_proxy']
  else process.env['grpc_proxy'] = before
  if (!isAgentClient(client)) throw new Error('the stub lacks a method')
  onCleanup(() => client.close())
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  client.Upper({ text }, new Metadata(), { deadline: Date.now() + 20_000 }, (err, answer) => {
    if (answer === undefined) reject(err ?? new Error('no answer'))
    else resolve(answer)
  })
  return promise
}

/** A gRPC client of 127.0.0.1 that is closed with the tests. */
export const connectGrpc = (port: number): AgentClient => connectGrpcTo(`127.0.0.1:${port}`)

/** A gRPC client that is closed with the tests. */
export const connectGrpcTo = (target: string, options: ChannelOptions = {}): AgentClient => {
  const Agent = agentService()
  const client: object = new Agent(target, credentials.createInsecure(), options)
  if (!isAgentClient(client)) throw new Error('the stub lacks a method')
  onCleanup(() => client.close())
  return client
}

/** What a call leaves behind, without what differs from run to run. */
export interface Outcome {
  code: number
  details: string
  trailers: Record<string, string>
}

/** Trailers that our own server sets. */
export const outcomeOf = ({
  code,
  details,
  metadata
}: Pick<StatusObject, 'code' | 'details' | 'metadata'>): Outcome => {
  const trailers = Object.fromEntries(
    ['origin', 'count'].flatMap((key) => metadata.get(key).map((value) => [key, String(value)]))
  )
  return { code, details, trailers }
}
