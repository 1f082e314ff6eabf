import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { startCutRelay, type Cut, type CutRelay } from '../e2e/harness/cut-relay.ts'
import {
  answerWithDigest,
  echoBytes,
  sendForEver,
  startTcpOrigin,
  type TcpOrigin
} from '../e2e/harness/origins/tcp-origin.ts'
import { internetSockets } from '../e2e/harness/proc.ts'
import { openSocket, readToEnd, type Ending } from '../e2e/harness/tcp-client.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import type { Socket } from 'node:net'

const rounds = 100
const enoughBytes = 1024 * 1024

let mesh: Mesh<'alice' | 'bob'>
let relays: CutRelay[]
let source: TcpOrigin
let sink: TcpOrigin
let ports: { source: number; sink: number; echo: number }

let config: string

const announce = ({ port }: Pick<CutRelay, 'port'>): string[] => [
  '--config',
  config,
  '--announce',
  `/ip4/127.0.0.1/tcp/${port}`
]

/** Each node tells others the address of the relay before it, and nothing else. */
beforeEach(async () => {
  // a fast machine cuts more often in a second than one host may connect anew
  config = join(await makeScratchDir('cut'), 'mesh.yaml')
  await writeFile(config, 'connections: {from_one_host_per_second: 1000}\n')
  const [near, far] = [await startCutRelay(), await startCutRelay()]
  relays = [near, far]
  mesh = await createMesh({
    members: ['alice', 'bob'],
    up: {
      alice: { args: announce(near), onReady: (node) => connectRelay(near, node) },
      bob: { args: announce(far), onReady: (node) => connectRelay(far, node) }
    }
  })
  source = await startTcpOrigin('s', sendForEver)
  sink = await startTcpOrigin('sink', answerWithDigest)
  await mesh.alice.serve(`source=tcp://127.0.0.1:${source.port}`)
  await mesh.alice.serve(`sink=tcp://127.0.0.1:${sink.port}`)
  await mesh.alice.serve(`echo=tcp://127.0.0.1:${(await startTcpOrigin('echo', echoBytes)).port}`)
  const portOf = async (service: string): Promise<number> => (await mesh.bob.forward(`alice/${service}`)).port
  ports = { source: await portOf('source'), sink: await portOf('sink'), echo: await portOf('echo') }
})

const connectRelay = (relay: CutRelay, node: MeshProcess): void => {
  const [listening] = internetSockets(node.pid).filter((socket) => socket.isListening)
  if (listening === undefined) throw new Error(`${node.name} listens nowhere`)
  relay.targetPort = listening.local.port
}

const cut = (how: Cut): void => {
  const count = relays.reduce((sum, relay) => sum + relay.cut(how), 0)
  expect(count).toBeGreaterThan(0)
}

/** How one transfer ended for the program at each end. */
interface Loss {
  client: Ending
  server: 'end' | 'reset' | undefined
}

const blocks = Buffer.alloc(64 * 1024)

/** Writes as fast as the socket takes it, without end. */
const pour = (socket: Socket): void => {
  const fill = (): void => {
    while (socket.writable && socket.write(blocks)) {
      /* until the socket is full */
    }
  }
  socket.on('drain', fill)
  fill()
}

/** A transfer without end that loses the connection under it in the middle. */
const transfer = async (direction: 'down' | 'up', lose: () => Promise<void> | void): Promise<Loss> => {
  const origin = direction === 'down' ? source : sink
  const seen = origin.ends.length
  const socket = await openSocket({ host: '127.0.0.1', port: direction === 'down' ? ports.source : ports.sink })
  const reading = readToEnd(socket)
  if (direction === 'down') socket.write('x')
  else pour(socket)
  const before = sink.receivedBytes
  const moved = (): number => (direction === 'down' ? socket.bytesRead : sink.receivedBytes - before)
  const early = reading.then(({ isClean, error }) => {
    throw new Error(`${direction}: over before it was cut, after ${moved()} bytes: clean ${isClean}, error ${error}`)
  })
  const underWay = vi.waitFor(() => expect(moved()).toBeGreaterThan(enoughBytes), { timeout: 20_000, interval: 5 })
  await Promise.race([underWay, early])
  early.catch(() => {})
  await lose()
  const client = await reading
  socket.destroy()
  await vi.waitFor(() => expect(origin.ends.length).toBeGreaterThan(seen), { timeout: 15_000, interval: 5 })
  return { client, server: origin.ends.at(-1) }
}

/** A byte comes through: the nodes have each other again, and know of all that was cut. */
const reachAgain = async (): Promise<void> => {
  await vi.waitFor(
    async () => {
      const socket = await openSocket({ host: '127.0.0.1', port: ports.echo })
      socket.write('x')
      const [first] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
      socket.destroy()
      expect(Buffer.isBuffer(first)).toBe(true)
    },
    { timeout: 20_000, interval: 50 }
  )
}

test(`a connection that is cut in mid-transfer is a reset for both programs, ${rounds} times of ${rounds}`, async () => {
  const wrong: string[] = []
  for (let round = 0; round < rounds; round++) {
    const how: Cut = round % 2 === 0 ? 'close' : 'reset'
    const direction = round % 4 < 2 ? 'down' : 'up'
    // a connection that was being made when the others were cut can be admitted before its own end is read
    await reachAgain()
    const { client, server } = await transfer(direction, () => cut(how))
    const error = client.error ?? 'none'
    if (client.isClean || !['ECONNRESET', 'EPIPE'].includes(error) || server !== 'reset') {
      wrong.push(`round ${round} (${direction}, ${how}): clean ${client.isClean}, error ${error}, server saw ${server}`)
    }
  }
  expect(wrong).toEqual([])
})

test('a provider that is killed in mid-transfer is a reset for the client, and serves again when it is back', async () => {
  let provider = mesh.alice
  for (let round = 0; round < 3; round++) {
    const { client } = await transfer('down', () => provider.kill())
    expect(client).toMatchObject({ isClean: false, error: 'ECONNRESET' })
    provider = await MeshProcess.up(provider.stateDir, {
      args: announce({ port: relays[0]?.port ?? 0 })
    })
    await reachAgain()
  }
})
