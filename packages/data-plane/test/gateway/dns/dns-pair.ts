import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { createProxies, makeService, parseLoopbackRange, type DnsBook, type Proxies } from '@agent-mesh/data-plane'
import { MeshError } from '@agent-mesh/wire'
import { listen, portOf, startPair, type Pair } from '../../libp2p-pair.ts'
import { echo, startService, type TestService } from '../../servers.ts'

/** Addresses of this process. */
export const network = `127.${100 + (process.pid % 100)}`
export const range = `${network}.${process.pid % 256}.0/24`

const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

/** `alice` and `agent-<n>` are the callee, `slow` is never found, and `broken` cannot be looked up. */
const bookOf = (pair: Pair, slowLookups: unknown[]): DnsBook => ({
  pathsInUse: () => ['language_processing/translation', 'vision/ocr', 'x-acme/ocr', 'x-acme/busy'],
  learn: async () => undefined,
  servicesOf: async (agent, { signal }) => {
    if (agent.kind === 'name' && /^(?:alice|agent-\d+)$/.test(agent.name)) return pair.callee.plane.listServices()
    if (agent.kind === 'name' && agent.name === 'slow') {
      slowLookups.push(agent)
      await once(signal, 'abort')
      throw new MeshError('TIMEOUT', 'The lookup took too long.')
    }
    if (agent.kind === 'name' && agent.name === 'broken')
      throw new MeshError('NAME_CONFLICT', '2 members hold a certificate for "broken".')
    throw new MeshError('NAME_UNKNOWN', 'No member of this name is known.')
  },
  answering: async (capability) => {
    if (capability === 'x-acme/busy') throw new MeshError('UNREACHABLE', 'None of 1 agents can be used.')
    if (capability !== 'language_processing/translation') throw new MeshError('NOT_FOUND', 'Nobody offers it.')
    return pair.callee.plane.listServices().filter(({ name }) => name === 'web')
  }
})

/** A responder, and the doors of all that it tells. */
export interface Opened {
  proxies: Proxies
  port: number
}

/** Two nodes, of which one answers by DNS for what the other offers: `raw`, an echo, and `web`. */
export interface DnsPair {
  callee: Pair['callee']
  echoing: TestService
  answering: TestService
  /** Free on 127.0.0.1 a moment ago, and so most likely on the addresses of names. */
  rawPort: number
  /** One entry for each time that `slow` was looked for. */
  slowLookups: unknown[]
  open: (extraPorts: number[], addresses?: string, now?: () => number) => Promise<Opened>
  stop: () => Promise<void>
}

export const startDnsPair = async (): Promise<DnsPair> => {
  const pair = await startPair({
    resolver: (standard) => ({
      resolve: async (target, options) => {
        if (target.kind !== 'capability') return standard.resolve(target, options)
        const candidates = await standard.resolve({ kind: 'name', name: 'alice', service: 'web' }, options)
        return candidates.map((one) => ({ ...one, service: 'web' }))
      }
    })
  })
  const echoing = await startService(echo)
  const answering = await startService((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nalice'))
  })
  pair.callee.plane.addService(makeService('raw', echoing.address))
  pair.callee.plane.addService(makeService('web', answering.address.replace('tcp:', 'http:')))
  const slowLookups: unknown[] = []
  return {
    callee: pair.callee,
    echoing,
    answering,
    rawPort: await freePort(),
    slowLookups,
    open: async (extraPorts, addresses = range, now) => {
      const { answering: answeringOf, ...names } = bookOf(pair, slowLookups)
      const proxies = createProxies({
        openTarget: pair.caller.plane.openTarget,
        candidates: pair.caller.plane.candidates,
        names,
        dns: { answering: answeringOf, extraPorts, range: parseLoopbackRange(addresses), salt: 'test', now }
      })
      const { listen: bound } = await proxies.add({ kind: 'dns', listen: { type: 'tcp', host: '127.0.0.1', port: 0 } })
      return { proxies, port: portOf(bound) }
    },
    stop: async () => {
      await pair.stop()
      echoing.stop()
      answering.stop()
    }
  }
}

/** As the library of Node asks. */
export const addressOf = async (host: string, port: number): Promise<string> => {
  const resolver = new Resolver({ timeout: 6_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  const [address = ''] = await resolver.resolve4(host)
  return address
}

/** What comes back for some words, to the end. */
export const talkTo = async (host: string, port: number, said: string): Promise<string> => {
  const socket = connect({ host, port })
  socket.end(said)
  return text(socket)
}
