import { once } from 'node:events'
import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import { beforeAll, expect, test, vi } from 'vitest'
import { connectGrpc, outcomeOf, type AgentClient, type Outcome } from './harness/grpc-client.ts'
import { createMesh } from './harness/mesh.ts'
import { startGrpcOrigin, type Answer, type GrpcOrigin } from './harness/origins/grpc-origin.ts'

let origin: GrpcOrigin
let direct: AgentClient
let forwarded: AgentClient

beforeAll(async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  origin = await startGrpcOrigin('alice-grpc')
  await alice.serve(`words=grpc://127.0.0.1:${origin.port}`)
  direct = connectGrpc(origin.port)
  forwarded = connectGrpc((await bob.forward('alice/words')).port)
})

/** The end of a call. Its error says the same again; without a listener that would end the process. */
const statusOf = async (call: NodeJS.EventEmitter): Promise<StatusObject> => {
  const { promise, resolve } = Promise.withResolvers<StatusObject>()
  call.on('status', resolve)
  call.on('error', () => {})
  return promise
}

interface Result extends Outcome {
  answers: Answer[]
  header?: string
}

const upper = async (client: AgentClient, text: string): Promise<Result> => {
  const asked = new Metadata()
  asked.set('asked', 'politely')
  const answers: Answer[] = []
  const failure = Promise.withResolvers<ServiceError | null>()
  const call = client.Upper({ text }, asked, {}, (err, answer) => {
    if (answer !== undefined) answers.push(answer)
    failure.resolve(err)
  })
  const headers: string[] = []
  call.on('metadata', (metadata: Metadata) => headers.push(String(metadata.get('seen')[0])))
  const ended = statusOf(call)
  await failure.promise
  return { ...outcomeOf(await ended), answers, header: headers.join() }
}

const collect = async (call: NodeJS.EventEmitter): Promise<Result> => {
  const answers: Answer[] = []
  call.on('data', (answer: Answer) => answers.push(answer))
  return { ...outcomeOf(await statusOf(call)), answers }
}

const join = async (client: AgentClient, words: string[]): Promise<Result> => {
  const answers: Answer[] = []
  const call = client.Join((_err, answer) => {
    if (answer !== undefined) answers.push(answer)
  })
  const ended = statusOf(call)
  for (const text of words) call.write({ text })
  call.end()
  return { ...outcomeOf(await ended), answers }
}

/** Sends a word only when the answer to the one before has come. */
const converse = async (client: AgentClient, words: string[]): Promise<Result> => {
  const call = client.Converse()
  const left = [...words]
  const next = (): void => {
    const text = left.shift()
    if (text === undefined) call.end()
    else call.write({ text })
  }
  call.on('data', next)
  const result = collect(call)
  next()
  return result
}

const same = async (call: (client: AgentClient) => Promise<Result>): Promise<Result> => {
  const over = await call(forwarded)
  expect(over).toEqual(await call(direct))
  return over
}

test('unary: headers, answer and trailers are those of the server', async () => {
  expect(await same((client) => upper(client, 'hello'))).toEqual({
    code: status.OK,
    details: 'OK',
    trailers: { origin: 'alice-grpc', count: '1' },
    header: 'politely',
    answers: [{ origin: 'alice-grpc', text: 'HELLO' }]
  })
})

test('unary: a refusal keeps its code, its words and its trailers', async () => {
  const refused = await same((client) => upper(client, ''))
  expect(refused).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'text is empty',
    trailers: { origin: 'alice-grpc' },
    answers: []
  })
})

test('server streaming', async () => {
  const text = Array.from({ length: 2_000 }, (_, i) => `word${i}`).join(' ')
  const result = await same((client) => collect(client.Split({ text })))
  expect(result.answers.map((answer) => answer.text).join(' ')).toBe(text)
  expect(result.trailers).toEqual({ origin: 'alice-grpc', count: '2000' })
})

test('client streaming', async () => {
  const words = Array.from({ length: 2_000 }, (_, i) => `w${i}`)
  const result = await same((client) => join(client, words))
  expect(result).toMatchObject({
    code: status.OK,
    answers: [{ origin: 'alice-grpc', text: words.join(' ') }],
    trailers: { count: '2000' }
  })
})

test('bidirectional streaming, each word after the answer to the last', async () => {
  const result = await same((client) => converse(client, ['one', 'two', 'three']))
  expect(result.answers.map((answer) => answer.text)).toEqual(['eno', 'owt', 'eerht'])
  expect(result.trailers).toEqual({ origin: 'alice-grpc', count: '3' })
})

test('a cancelled call is cancelled on the server within a second', async () => {
  const before = origin.cancellations.length
  const call = forwarded.Split({ text: 'one wait' })
  const result = collect(call)
  await once(call, 'data')
  const cancelledMs = performance.now()
  call.cancel()
  expect(await result).toMatchObject({ code: status.CANCELLED })
  await vi.waitFor(() => expect(origin.cancellations.length).toBe(before + 1), { timeout: 2_000, interval: 5 })
  expect((origin.cancellations.at(-1)?.atMs ?? Infinity) - cancelledMs).toBeLessThan(1_000)
})

test('a deadline ends the call on both sides', async () => {
  const before = origin.cancellations.length
  const startedMs = performance.now()
  const result = await collect(forwarded.Split({ text: 'one wait' }, { deadline: Date.now() + 500 }))
  expect(result).toMatchObject({ code: status.DEADLINE_EXCEEDED, answers: [{ text: 'one' }, { text: 'wait' }] })
  expect(performance.now() - startedMs).toBeLessThan(1_500)
  await vi.waitFor(() => expect(origin.cancellations.length).toBe(before + 1), { timeout: 1_000 })
})
