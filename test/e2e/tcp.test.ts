import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { makeScratchDir } from './harness/cleanup.ts'
import { createMesh } from './harness/mesh.ts'
import {
  answerWithDigest,
  echoBytes,
  greetThenListen,
  resetAtOnce,
  startTcpOrigin,
  type TcpOrigin
} from './harness/origins/tcp-origin.ts'
import { seededBytes, sha256 } from './harness/seeded-bytes.ts'
import { openSocket, readToEnd } from './harness/tcp-client.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

let alice: MeshProcess
let bob: MeshProcess

beforeAll(async () => {
  ;({ alice, bob } = await createMesh({ members: ['alice', 'bob'] }))
})

/** Serves an origin as alice, and opens a door to it at bob. */
const expose = async (name: string, origin: TcpOrigin): Promise<{ direct: number; over: number }> => {
  await alice.serve(`${name}=tcp://127.0.0.1:${origin.port}`)
  return { direct: origin.port, over: (await bob.forward(`alice/${name}`)).port }
}

const howItEnds = async (port: number): Promise<{ isClean: boolean; error?: string }> => {
  const socket = await openSocket({ host: '127.0.0.1', port })
  socket.write('x')
  const { isClean, error } = await readToEnd(socket)
  return { isClean, ...(error === undefined ? {} : { error }) }
}

describe('half-close', () => {
  test('the client ends first and still gets its answer', async () => {
    const { direct, over } = await expose('digest', await startTcpOrigin('alice-digest', answerWithDigest))
    const body = seededBytes(11, 3_000_000)
    const converse = async (port: number): Promise<string> => {
      const socket = await openSocket({ host: '127.0.0.1', port })
      socket.end(body)
      const { received, isClean } = await readToEnd(socket)
      expect(isClean).toBe(true)
      return received.toString()
    }
    const answer = await converse(over)
    expect(answer).toBe(await converse(direct))
    expect(JSON.parse(answer)).toEqual({ id: 'alice-digest', sizeBytes: body.length, sha256: sha256(body) })
  })

  test('the server ends first and still hears what comes after', async () => {
    const heard: string[] = []
    const { over } = await expose('greeting', await startTcpOrigin('alice-greeting', greetThenListen(heard)))
    const socket = await openSocket({ host: '127.0.0.1', port: over })
    const reading = readToEnd(socket)
    await once(socket, 'end')
    socket.write('after the end ')
    socket.end('of the server')
    expect(await reading).toMatchObject({ received: Buffer.from('hello from alice-greeting'), isClean: true })
    await vi.waitFor(() => expect(heard).toEqual(['after the end of the server']), { timeout: 5_000 })
  })

  test('both directions carry bytes at once, to the last one', async () => {
    const { over } = await expose('echo', await startTcpOrigin('alice-echo', echoBytes))
    const body = seededBytes(12, 8_000_000)
    const socket = await openSocket({ host: '127.0.0.1', port: over })
    socket.end(body)
    const { received, isClean } = await readToEnd(socket)
    expect({ isClean, sizeBytes: received.length, sha256: sha256(received) }).toEqual({
      isClean: true,
      sizeBytes: body.length,
      sha256: sha256(body)
    })
  })
})

describe('resets', () => {
  test('a reset of the server is a reset for the client', async () => {
    const { direct, over } = await expose('reset', await startTcpOrigin('alice-reset', resetAtOnce))
    const ending = await howItEnds(over)
    expect(ending).toEqual({ isClean: false, error: 'ECONNRESET' })
    expect(ending).toEqual(await howItEnds(direct))
  })

  test('a reset of the client is a reset for the server', async () => {
    const origin = await startTcpOrigin('alice-echo-2', echoBytes)
    const { over } = await expose('echo-2', origin)
    const socket = await openSocket({ host: '127.0.0.1', port: over })
    socket.write('x')
    await once(socket, 'data')
    socket.resetAndDestroy()
    await vi.waitFor(() => expect(origin.ends).toEqual(['reset']), { timeout: 5_000 })
    expect(origin.errors).toEqual(['ECONNRESET'])
  })
})

test('a unix socket is served, and a forward may listen on one', async () => {
  const scratch = await makeScratchDir('unix')
  const target = join(scratch, 'target.sock')
  const door = join(scratch, 'door.sock')
  await startTcpOrigin('alice-unix', answerWithDigest, { path: target })
  await alice.serve(`digest-unix=unix:${target}`)
  await bob
    .run(['forward', `unix:${door}`, 'alice/digest-unix'])
    .then(({ code, stderr }) => expect(`${code} ${stderr}`).toMatch(/^0 /))
  const socket = createConnection({ path: door, allowHalfOpen: true })
  socket.end('over two sockets')
  const { received, isClean } = await readToEnd(socket)
  expect(isClean).toBe(true)
  expect(JSON.parse(received.toString())).toMatchObject({ id: 'alice-unix', sizeBytes: 16 })
})

test('when all is said, nothing is left open on either node', async () => {
  for (const node of [alice, bob]) {
    await vi.waitFor(async () => expect((await node.status()).tunnels.open).toBe(0), { timeout: 10_000, interval: 200 })
  }
})
