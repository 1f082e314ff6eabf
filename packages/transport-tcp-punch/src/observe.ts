import { once } from 'node:events'
import { connect, createServer, isIP, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { select } from '@libp2p/multistream-select'
import { lpStream } from '@libp2p/utils'
import { decodeMessage, limits, MeshError, ObservedAddress } from '@agent-mesh/wire'
import { punchedAddress, type Endpoint } from './address.ts'
import { judge, type Seen } from './plan.ts'
import { PunchedConnection } from './punched-connection.ts'
import type { Logger } from '@libp2p/interface'

export interface ObserveInit {
  /** Of the observers. */
  protocol: string
  /** Members that are asked, all of one IP family. */
  observers: readonly Endpoint[]
  log: Logger
  signal: AbortSignal
}

/** A local port with its mapping, which stands as long as the observers are connected. */
export interface Observation extends Seen {
  localPort: number
  /** Hangs up at the observers. */
  release: () => void
}

/** What is left for the other observers when one has answered, in multiples of the time that it took. */
const patience = 2
const patienceLeastMs = 200

const freePort = async (host: string): Promise<number> => {
  const server = createServer()
  server.listen({ port: 0, host: isIP(host) === 6 ? '::' : '0.0.0.0', exclusive: true })
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port.')
  return address.port
}

const ask = async (socket: Socket, observer: Endpoint, { protocol, log, signal }: ObserveInit): Promise<Endpoint> => {
  await once(socket, 'connect', { signal })
  const connection = new PunchedConnection({
    socket,
    remoteAddr: punchedAddress(observer),
    direction: 'outbound',
    log
  })
  await select(connection, protocol, { signal })
  const most = limits.punchMessageBytes
  const bytes = await lpStream(connection, { maxDataLength: most, maxBufferSize: 4 * most }).read({ signal })
  const { host, port } = decodeMessage(ObservedAddress, bytes.subarray(), most, 'PUNCH_FAILED', 'observed address')
  return { host, port }
}

/**
 * Asks members from where they see one fresh local port. The connections to them stay open, so that the mapping stands
 * while the port is used to punch.
 * @throws MeshError PUNCH_FAILED where nobody answers, TIMEOUT, CANCELLED
 */
export const observe = async (init: ObserveInit): Promise<Observation> => {
  const [first] = init.observers
  if (first === undefined)
    throw new MeshError('PUNCH_FAILED', 'No member is connected that could say from where this node is seen.')
  const localPort = await freePort(first.host)
  const signal = AbortSignal.any([init.signal, AbortSignal.timeout(limits.punchObserveTimeoutMs)])
  const sockets = init.observers.map(({ host, port }) => {
    const socket = connect({ host, port, localPort, noDelay: true })
    socket.on('error', () => {})
    return socket
  })
  const release = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const answers: Array<Endpoint | undefined> = []
  const startedMs = performance.now()
  const asked = init.observers.map(async (observer, index) => {
    const socket = sockets[index]
    if (socket !== undefined) answers[index] = await ask(socket, observer, { ...init, signal })
  })
  try {
    await Promise.any(asked)
    const leftMs = Math.max(patienceLeastMs, patience * (performance.now() - startedMs))
    await Promise.race([Promise.allSettled(asked), setTimeout(leftMs, undefined, { ref: false })])
    const seen = judge(answers.filter((answer) => answer !== undefined))
    if (seen === undefined) throw new MeshError('PUNCH_FAILED', 'No member said from where this node is seen.')
    return { ...seen, localPort, release }
  } catch (cause) {
    release()
    if (cause instanceof MeshError) throw cause
    if (init.signal.aborted) throw new MeshError('CANCELLED', 'A punch was given up.', { cause })
    const names = init.observers.map(({ host, port }) => `${host}:${port}`).join(', ')
    throw new MeshError('PUNCH_FAILED', `None of ${names} said from where this node is seen.`, { cause })
  }
}
