import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import type { Exposition } from './meter.ts'

export interface ScrapeServerInit {
  host: string
  port: number
  /** Names, beside addresses and `localhost`, by which requests may call this server. */
  hosts: string[]
  expose: (accept: string) => Promise<Exposition>
  onFailed: (err: unknown) => void
}

export interface ScrapeServer {
  /** `127.0.0.1:9464`, with the port that was bound. */
  readonly address: string
  close: () => Promise<void>
}

const requestTimeoutMs = 10_000

/** The name in a Host header, without its port. */
const nameOf = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')

/**
 * A page in a browser can have its own name resolve to this machine, but it cannot leave the name out of its requests: an
 * address, or a name that was configured, was typed by somebody who knows this server.
 */
const isCalledByName = (host: string, hosts: string[]): boolean => {
  const name = nameOf(host)
  return isIP(name) !== 0 || name === 'localhost' || hosts.includes(name)
}

const refusalOf = (request: IncomingMessage, hosts: string[]): [status: number, text: string] | undefined => {
  const { method, url = '', headers } = request
  if (!isCalledByName(headers.host ?? '', hosts))
    return [421, 'This server is not called that; metrics.hosts names what it is called.']
  if (headers.origin !== undefined) return [403, 'Pages may not read this.']
  if (url.split('?')[0] !== '/metrics') return [404, 'There is GET /metrics, nothing else.']
  return method === 'GET' ? undefined : [405, 'There is GET /metrics, nothing else.']
}

/**
 * Serves `GET /metrics` over TCP, for Prometheus, which cannot read a unix socket. Nothing else of the node is there.
 * @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID
 */
export const startScrapeServer = async ({
  host,
  port,
  hosts,
  expose,
  onFailed
}: ScrapeServerInit): Promise<ScrapeServer> => {
  let running: Map<string, Promise<Exposition>> = new Map()
  /** Whoever asks while one is being read gets the same. */
  const shared = async (accept: string): Promise<Exposition> => {
    const found =
      running.get(accept) ??
      expose(accept).finally(() => {
        running.delete(accept)
      })
    running.set(accept, found)
    return found
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(request, hosts)
    if (refusal !== undefined) {
      response.writeHead(refusal[0], { 'content-type': 'text/plain; charset=utf-8' }).end(`${refusal[1]}\n`)
      return
    }
    const { contentType, text } = await shared(request.headers.accept ?? '')
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text)
  }
  const server = createServer({ requestTimeout: requestTimeoutMs, maxHeaderSize: 8 * 1024 }, (request, response) => {
    answer(request, response).catch((err: unknown) => {
      onFailed(err)
      response.writeHead(500).end()
    })
  })
  server.maxConnections = limits.scrapeConnections
  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const isTaken = code === 'EADDRINUSE'
    throw new MeshError(
      isTaken ? 'ADDRESS_IN_USE' : 'ADDRESS_INVALID',
      `The metrics cannot be served on ${host}:${port} (${code}).`,
      { cause, hint: 'Choose another metrics.listen.' }
    )
  }
  const bound = server.address()
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
