import { once } from 'node:events'
import { beforeAll, expect, test } from 'vitest'
import { WebSocket, type RawData } from 'ws'
import { createMesh } from './harness/mesh.ts'
import { startWebSocketOrigin } from './harness/origins/websocket-origin.ts'
import { seededBytes, sha256 } from './harness/seeded-bytes.ts'

let direct = 0
let forwarded = 0

beforeAll(async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  direct = (await startWebSocketOrigin('alice-chat')).port
  await alice.serve(`chat=http://127.0.0.1:${direct}`)
  forwarded = (await bob.forward('alice/chat')).port
})

interface Conversation {
  protocol: string
  answers: string[]
  pong: string
  close: { code: number; reason: string }
}

const textOf = (data: RawData): string => (Buffer.isBuffer(data) ? data.toString() : '')

const converse = async (port: number): Promise<Conversation> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, ['agent.v1', 'agent.v0'])
  const answers: string[] = []
  const received = Promise.withResolvers<void>()
  socket.on('message', (data, isBinary) => {
    answers.push(isBinary && Buffer.isBuffer(data) ? `${data.length} ${sha256(data)}` : textOf(data))
    if (answers.length === 4) received.resolve()
  })
  // Whatever waits below rejects with the error of its own wait; this one is for the time between two waits.
  socket.on('error', received.reject)
  received.promise.catch(() => {})
  await once(socket, 'open')
  const ponged = once(socket, 'pong')
  socket.ping('are you there')
  socket.send('plain text')
  socket.send(seededBytes(5, 1024 * 1024))
  socket.send('ünïcödé')
  await received.promise
  const [pong] = await ponged
  const closed = once(socket, 'close')
  socket.send('close')
  const [code, reason] = await closed
  return {
    protocol: socket.protocol,
    answers,
    pong: String(pong),
    close: { code: Number(code), reason: String(reason) }
  }
}

test('a WebSocket through a forward says what it says on the server itself', async () => {
  const over = await converse(forwarded)
  expect(over).toEqual(await converse(direct))
  expect(over).toEqual({
    protocol: 'agent.v1',
    answers: ['origin alice-chat', 'plain text', `1048576 ${sha256(seededBytes(5, 1024 * 1024))}`, 'ünïcödé'],
    pong: 'are you there',
    close: { code: 4001, reason: 'as asked' }
  })
})
