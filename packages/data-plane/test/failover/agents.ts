import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { afterAll } from 'vitest'
import type { Candidate, DataPlaneEvent } from '@agent-mesh/data-plane'
import { MeshError } from '@agent-mesh/wire'
import { HttpProxy } from '../../src/gateway/http/server.ts'
import { parseHedge } from '../../src/gateway/http/failover/hedge.ts'
import { listen, portOf } from '../libp2p-pair.ts'

interface Asked {
  request: IncomingMessage
  body: string
  response: ServerResponse
  socket: Socket
}

type Behave = (asked: Asked) => unknown

/** An agent that offers the capability; its connections stand for tunnels. */
export interface TestAgent {
  name: string
  /** What it does with a request that was read to its end. */
  behave: Behave
  /** What it does with the first byte of one. */
  onHead: ((request: IncomingMessage) => void) | undefined
  /** Why it cannot be opened. */
  refusal: MeshError | undefined
  isGood: boolean
  isOffered: boolean
  /** `<method> <path> <body>` of all that came whole. */
  seen: string[]
}

export interface Agents {
  a: TestAgent
  b: TestAgent
  c: TestAgent
  d: TestAgent
  all: TestAgent[]
  events: DataPlaneEvent[]
  port: number
}

export const answer: (agent: TestAgent) => Behave =
  (agent) =>
  ({ request, response }) =>
    response.end(`${agent.name} ${request.url}`)

/** Ends the connection before a byte of an answer. */
export const die: Behave = ({ socket }) => socket.resetAndDestroy()

const startAgent = async (name: string): Promise<{ agent: TestAgent; port: number }> => {
  const agent: TestAgent = {
    name,
    behave: () => {},
    onHead: undefined,
    refusal: undefined,
    isGood: true,
    isOffered: true,
    seen: []
  }
  agent.behave = answer(agent)
  const server = createServer((request, response) => {
    agent.onHead?.(request)
    let body = ''
    request.on('data', (part: Buffer) => {
      body += part.toString('latin1')
    })
    const serve = async (): Promise<void> => {
      await finished(request)
      agent.seen.push(`${request.method} ${request.url} ${body}`.trim())
      agent.behave({ request, body, response, socket: request.socket })
    }
    serve().catch(() => {})
  })
  const port = await listen(server)
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  return { agent, port }
}

const candidateOf = ({ name, isGood }: TestAgent): Candidate => ({
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing but its text is asked for here
  peerId: { toString: () => name } as unknown as Candidate['peerId'],
  service: 'web',
  reason: 'test',
  isGood
})

/** A proxy before four agents, of which all but `d` are offered; candidates come in their order. */
export const startAgents = async (options: { hedge?: string } = {}): Promise<Agents> => {
  const started = await Promise.all(['a', 'b', 'c', 'd'].map(startAgent))
  const all = started.map(({ agent }) => agent)
  const [a, b, c, d] = all
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('there are four')
  d.isOffered = false
  const events: DataPlaneEvent[] = []
  const proxy = await HttpProxy.listen({
    id: 'test',
    kind: 'http',
    listen: { type: 'tcp', host: '127.0.0.1', port: 0 },
    suffix: 'mesh',
    findDestination: async ({ host }) => ({
      kind: 'mesh',
      target: host.includes('.cap.')
        ? { kind: 'capability', capability: 'test/answers' }
        : { kind: 'peer', peerId: host.split('.')[0] ?? '', service: 'web' }
    }),
    openDestination: async (destination, { signal }) => {
      const peerId =
        destination.kind === 'mesh' && destination.target.kind === 'peer' ? destination.target.peerId : 'nobody'
      const found = started.find(({ agent }) => agent.name === peerId)
      if (found === undefined) throw new MeshError('PEER_UNKNOWN')
      if (found.agent.refusal?.code === 'TIMEOUT') await once(signal, 'abort')
      if (found.agent.refusal !== undefined) throw found.agent.refusal
      const socket = connect({ host: '127.0.0.1', port: found.port, noDelay: true })
      await once(socket, 'connect')
      return { stream: socket, servedBy: { peerId, service: 'web' } }
    },
    candidates: async () => all.filter(({ isOffered }) => isOffered).map(candidateOf),
    hedge: options.hedge === undefined ? undefined : parseHedge(options.hedge),
    onEvent: (event) => {
      events.push(event)
    }
  })
  afterAll(() => {
    proxy.close()
  })
  return { a, b, c, d, all, events, port: portOf(proxy.listenText) }
}
