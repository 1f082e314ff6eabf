import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** Port of a listen address, or undefined where it has none. */
const portOf = (address: Multiaddr): number | undefined => {
  const port = address.getComponents().find((part) => part.name === 'tcp' || part.name === 'udp')?.value
  return port === undefined ? undefined : Number(port)
}

const withPort = (text: string, port: number): string => text.replace(/\/(tcp|udp)\/0(?=\/|$)/, `/$1/${port}`)

/** How long a port that was ours may be held by what is left of an earlier process. */
const settleMs = 5_000
const retryMs = 250

const canBind = async (host: string, port: number): Promise<boolean> => {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/**
 * Leaves out the ports of earlier starts that somebody else holds by now: nobody chose them, so another free one is as
 * good, and the node does start.
 * @param onTaken - told of each that is given up
 */
export const stillFree = async (
  ports: Readonly<Record<string, number>>,
  onTaken: (listen: string, port: number) => void,
  waitMs = settleMs
): Promise<Record<string, number>> => {
  const free: Record<string, number> = {}
  for (const [listen, port] of Object.entries(ports)) {
    const host = multiaddr(listen).getComponents()[0]?.value ?? '0.0.0.0'
    const until = performance.now() + waitMs
    let isFree = await canBind(host, port)
    while (!isFree && performance.now() < until) {
      await setTimeout(retryMs)
      isFree = await canBind(host, port)
    }
    if (isFree) free[listen] = port
    else onTaken(listen, port)
  }
  return free
}

/** Listen addresses with the ports that port 0 became at an earlier start. */
export const withKnownPorts = (listen: string[], ports: Readonly<Record<string, number>>): string[] =>
  listen.map((text) => {
    const port = ports[text]
    return port === undefined ? text : withPort(text, port)
  })

const familyOf = (address: Multiaddr): string => {
  const [host, transport] = address.getComponents()
  return `${host?.name ?? ''}/${transport?.name ?? ''}`
}

/** What each port 0 became, found among the addresses that are bound now. */
export const chosenPorts = (listen: string[], bound: Multiaddr[]): Record<string, number> => {
  const ports: Record<string, number> = {}
  const taken = new Set<number>()
  for (const text of listen) {
    const wanted = multiaddr(text)
    if (portOf(wanted) !== 0) continue
    const match = bound.find((address) => familyOf(address) === familyOf(wanted) && !taken.has(portOf(address) ?? 0))
    const port = match === undefined ? undefined : portOf(match)
    if (port === undefined) continue
    taken.add(port)
    ports[text] = port
  }
  return ports
}
