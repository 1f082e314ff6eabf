import { createConnection } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { PeerDocument } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Context } from '../context.ts'
import { askBench, type Way } from './measuring.ts'
import { orderLine, type PlainOffer } from './order.ts'
import { plainHost, whyNotPlain } from './plain-door.ts'

/** Name of the service that a bench is reached by. */
export const benchService = 'bench'

/** A bench that answered, and how it is reached. */
export interface Far {
  peerId: string
  name: string | undefined
}

const answerTimeoutMs = 10_000

const plainTimeoutMs = 3_000

const notServed = (target: string, cause?: MeshError): MeshError => {
  const shown = printable(target, 200)
  return new MeshError(cause?.code ?? 'SERVICE_UNKNOWN', `${shown} does not serve a bench.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `on ${shown}: mesh-node bench --serve`
  })
}

const missingCodes = new Set(['SERVICE_UNKNOWN', 'UPSTREAM_REFUSED', 'UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT'])

const parse = (said: string): unknown => {
  try {
    return JSON.parse(said)
  } catch {
    return undefined
  }
}

/**
 * Asks whether a member serves a bench.
 * @throws MeshError of what refused; SERVICE_UNKNOWN, with the command that makes it serve one, where it does not
 */
export const findBench = async (target: string, context: Context): Promise<Far> => {
  try {
    const tunnel = await context.ask((client) => client.connect(`${target}/${benchService}`))
    const timer = setTimeout(() => tunnel.destroy(), answerTimeoutMs)
    tunnel.end(orderLine({ do: 'hello' }))
    const said = await text(tunnel).catch(() => '')
    clearTimeout(timer)
    if (Object(parse(said)).bench !== 1) throw notServed(target)
    return { peerId: tunnel.peerId, name: tunnel.name }
  } catch (err) {
    throw err instanceof MeshError && missingCodes.has(err.code) && !err.hint.includes('bench')
      ? notServed(target, err)
      : err
  }
}

/** A local door to a bench for as long as the work takes. It ends with a signal as well. */
export const withForward = async <T>(peerId: string, context: Context, work: (way: Way) => Promise<T>): Promise<T> => {
  const target = `${peerId}/${benchService}`
  const stopping = new AbortController()
  const stop = (): void => stopping.abort(new MeshError('CONNECTION_LOST', 'A signal ended the bench.'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  const forward = await context.ask((client) => client.addForward({ listen: '127.0.0.1:0', target, foreground: true }))
  try {
    return await work({
      host: '127.0.0.1',
      port: Number(forward.listen.split(':').at(-1)),
      signal: stopping.signal
    })
  } finally {
    await context.ask((client) => client.removeForward(forward.id))
  }
}

const isReached = async (host: string, port: number): Promise<boolean> => {
  const socket = createConnection({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(plainTimeoutMs) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

const isOffer = (value: unknown): value is PlainOffer => {
  const { port, token, reason }: Record<string, unknown> = Object(value)
  return typeof reason === 'string' || (typeof port === 'number' && typeof token === 'string')
}

/** How a bench is reached without the mesh, or why not. @param over - the way to it through the mesh */
export const findPlain = async (
  over: Way,
  self: string,
  peer: PeerDocument | undefined
): Promise<Way | { reason: string }> => {
  const reason = whyNotPlain(peer)
  const host = plainHost(peer?.addresses ?? [])
  if (reason !== undefined || host === undefined) return { reason: `${reason ?? 'the path is not TCP'}.` }
  const offer = await askBench(over, { do: 'plain', peerId: self })
  if (!isOffer(offer)) return { reason: 'the answer of the other side is unreadable.' }
  if ('reason' in offer) return { reason: `${printable(offer.reason, 500)}.` }
  if (await isReached(host, offer.port)) return { ...over, host, ...offer }
  return { reason: `${host} cannot be reached on port ${offer.port}, which the other side opened for it.` }
}
