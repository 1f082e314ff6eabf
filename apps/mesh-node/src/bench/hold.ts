import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServeResponse } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import type { Context } from '../context.ts'
import { benchService } from './peer.ts'
import { PlainDoor } from './plain-door.ts'
import { createBenchServer, type Desk } from './serving.ts'

export interface ServingOptions {
  allow: string[]
  isPlain: boolean
  /** Ends it. */
  lifetimeMs: number
  /** Called when callers may come. */
  onReady: (served: ServeResponse) => Promise<void>
}

/** Processor time of the node up to this moment in seconds, out of its metrics. Undefined where they do not say. */
export const cpuSecondsOf = async (context: Context): Promise<number | undefined> => {
  const said = await context.ask((client) => client.metrics())
  const seconds = /^process_cpu_seconds_total ([\d.e+-]+)$/m.exec(said)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

const isAnswered = async (path: string): Promise<boolean> => {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A bench that was killed has left its service: nobody listens behind it. */
const removeLeftover = async (context: Context): Promise<void> => {
  const [left] = (await context.ask((client) => client.services())).filter(({ name }) => name === benchService)
  if (left === undefined) return
  const isOurs = left.address.startsWith('unix:') && left.address.endsWith('/bench.sock')
  if (!isOurs || (await isAnswered(left.address.slice('unix:'.length))))
    throw new MeshError('SERVICE_TAKEN', `This node serves ${benchService} already, as ${left.address}.`, {
      hint: context.here(`unserve ${benchService}`)
    })
  await context.ask((client) => client.unserve(benchService))
}

/** Until the time is over, a signal comes or the node is gone. @returns whether the node is still there */
const untilOver = async (context: Context, lifetimeMs: number): Promise<boolean> => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  const timer = setTimeout(() => stop.abort(), lifetimeMs)
  try {
    await context.ask(async (client) => {
      for await (const _ of client.events({ signal: stop.signal })) {
        /* only its end matters */
      }
    })
  } finally {
    clearTimeout(timer)
  }
  return stop.signal.aborted
}

/**
 * Serves a bench to members. It listens on a unix socket that nobody else can open: a TCP port would be another
 * program's one day, with the service still leading to it.
 * @throws MeshError SERVICE_TAKEN where `bench` is something else; NO_DAEMON where the node ends first
 */
export const holdBench = async (context: Context, options: ServingOptions): Promise<void> => {
  const { allow, isPlain, lifetimeMs, onReady } = options
  await removeLeftover(context)
  const folder = await mkdtemp(join(tmpdir(), 'mesh-node-bench-'))
  const cpuSeconds = async (): Promise<number | undefined> => cpuSecondsOf(context)
  const peerOf = async (peerId: string) =>
    (await context.ask((client) => client.peers())).find((one) => one.peerId === peerId)
  const door = new PlainDoor({ cpuSeconds, offerPlain: async () => ({ reason: 'it is this one' }) })
  const desk: Desk = {
    cpuSeconds,
    offerPlain: async (peerId) =>
      isPlain ? door.offer(await peerOf(peerId)) : { reason: 'the other side did not offer one' }
  }
  const server = createBenchServer(desk)
  const path = join(folder, 'bench.sock')
  try {
    server.listen(path)
    await once(server, 'listening')
    const request = { address: `unix:${path}`, check: { kind: 'none' }, ...(allow.length === 0 ? {} : { allow }) }
    const served = await context.ask((client) => client.serve(benchService, request))
    let isNodeThere = true
    try {
      await onReady(served)
      isNodeThere = await untilOver(context, lifetimeMs)
    } finally {
      if (isNodeThere) await context.ask((client) => client.unserve(benchService))
    }
    if (!isNodeThere)
      throw new MeshError('NO_DAEMON', 'The node stopped, and the bench with it.', { hint: context.here('up') })
  } finally {
    server.close()
    door.close()
    await rm(folder, { recursive: true, force: true })
  }
}
