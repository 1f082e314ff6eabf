import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createProxies, makeService, type NameBook, type Proxies, type ProxyKind } from '@agent-mesh/data-plane'
import { MeshError } from '@agent-mesh/wire'
import { portOf, startPair, type Pair, type PairOptions } from '../libp2p-pair.ts'

/** Two nodes; `alice` is the callee, and everybody else is unknown. */
export interface ProxyPair {
  pair: Pair
  proxies: Proxies
  /** Opens a proxy on a free port. */
  open: (kind: ProxyKind, allowOutside?: string[]) => Promise<number>
  /** Offers a service of the callee under a name. */
  serve: (name: string, address: string) => void
  stop: () => Promise<void>
}

/** What `alice` is known to offer is what she offers. */
const bookOf = (pair: () => Pair): NameBook => ({
  pathsInUse: () => ['language_processing/translation', 'language_processing', 'vision/ocr', 'x-acme/ocr'],
  learn: async () => undefined,
  servicesOf: async (agent) => {
    if (agent.kind !== 'name' || agent.name !== 'alice') throw new MeshError('NAME_UNKNOWN', 'No such member.')
    return pair().callee.plane.listServices()
  }
})

/** A resolver that knows `alice`, what she answers, and nobody else. */
const known: PairOptions['resolver'] = (standard) => ({
  resolve: async (target, options) => {
    if (target.kind === 'name' && target.name !== 'alice')
      throw new MeshError('NAME_UNKNOWN', `No member named "${target.name}" is known.`)
    if (target.kind !== 'capability') return standard.resolve(target, options)
    if (target.capability !== 'language_processing/translation')
      throw new MeshError('NOT_FOUND', `No other agent offers ${target.capability}.`)
    const candidates = await standard.resolve({ kind: 'name', name: 'alice', service: 'web' }, options)
    return candidates.map((one) => ({ ...one, service: 'web' }))
  }
})

export const startProxyPair = async (options: PairOptions = {}): Promise<ProxyPair> => {
  const pair = await startPair({ resolver: known, ...options })
  const proxies = createProxies({ ...pair.caller.plane, names: bookOf(() => pair) })
  return {
    pair,
    proxies,
    open: async (kind, allowOutside = []) => {
      const { listen } = await proxies.add({ kind, listen: { type: 'tcp', host: '127.0.0.1', port: 0 }, allowOutside })
      return portOf(listen)
    },
    serve: (name, address) => pair.callee.plane.addService(makeService(name, address), { replace: true }),
    stop: async () => {
      proxies.close()
      await pair.stop()
    }
  }
}

/** A client that collects what it is told. */
export interface Talk {
  socket: Socket
  /** All bytes so far. */
  heard: () => Buffer
  /** Waits until so many bytes came. */
  until: (isEnough: (heard: Buffer) => boolean) => Promise<Buffer>
  /** Everything, once the other side has ended. */
  end: Promise<Buffer>
}

export const talk = async (port: number): Promise<Talk> => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const parts: Buffer[] = []
  const heard = (): Buffer => Buffer.concat(parts)
  const waiting = new Set<() => void>()
  const look = (): void => {
    for (const one of waiting) one()
  }
  const { promise: end, resolve } = Promise.withResolvers<Buffer>()
  let isOver = false
  const finish = (): void => {
    isOver = true
    resolve(heard())
    look()
  }
  socket.on('error', () => {})
  socket.on('data', (data) => {
    parts.push(data)
    look()
  })
  socket.once('end', finish).once('close', finish)
  await once(socket, 'connect')
  return {
    socket,
    heard,
    end,
    until: async (isEnough) => {
      const { promise, resolve: done, reject } = Promise.withResolvers<Buffer>()
      const check = (): void => {
        if (isEnough(heard())) done(heard())
        else if (isOver) reject(new Error(`it ended with ${heard().toString('latin1')}`))
      }
      waiting.add(check)
      check()
      try {
        return await promise
      } finally {
        waiting.delete(check)
      }
    }
  }
}
