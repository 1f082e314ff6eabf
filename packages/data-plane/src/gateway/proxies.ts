import { randomUUID } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { defaultSuffix, limits, MeshError } from '@agent-mesh/wire'
import type { OnDataPlaneEvent } from '../events.ts'
import { createDestinationFinder, type NameBook } from './destination.ts'
import { DnsResponder, type DnsResponderInit } from './dns/responder.ts'
import { DnsZone, type DnsBook, type DnsSettings } from './dns/zone.ts'
import type { Proxy, ProxyKind, ProxyStatus } from './door.ts'
import { parseHedge } from './http/failover/hedge.ts'
import { HttpProxy } from './http/server.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'
import { createDestinationOpener } from './open-destination.ts'
import type { ListCandidates, OpenTarget } from './open-target.ts'
import { parseOutsidePattern } from './outside.ts'
import { SocksProxy } from './socks/server.ts'

export interface AddProxyOptions {
  kind: ProxyKind
  listen: ListenAddress
  /** Other machines may use it. Without it, only addresses of this machine alone are bound. */
  allowRemote?: boolean | undefined
  /** Patterns of names outside the mesh that are let through. */
  allowOutside?: readonly string[] | undefined
  /** After which time an HTTP proxy asks a second agent beside a slow one: `95p`, `200ms`. Default: never. */
  hedge?: string | undefined
  id?: string | undefined
}

export interface ProxiesInit {
  openTarget: OpenTarget
  candidates: ListCandidates
  names: NameBook
  suffix?: string | undefined
  /** Without it, no responder of DNS can be opened. */
  dns?: (DnsSettings & Pick<DnsBook, 'answering'>) | undefined
  onEvent?: OnDataPlaneEvent | undefined
  wallClock?: (() => number) | undefined
}

/** The proxies of one node. */
export interface Proxies {
  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID, USAGE, LIMIT_EXCEEDED */
  add: (options: AddProxyOptions) => Promise<ProxyStatus>
  /**
   * Closes the one that has this id or this bound address; its open tunnels go on.
   * @throws MeshError PROXY_UNKNOWN
   */
  remove: (idOrListen: string) => ProxyStatus
  list: () => ProxyStatus[]
  close: () => void
}

/** An address that only programs of this machine reach. */
const isLocal = (address: ListenAddress): boolean =>
  address.type === 'unix' || address.host === '::1' || (isIPv4(address.host) && address.host.startsWith('127.'))

const openResponder = async (zone: DnsZone | undefined, init: Omit<DnsResponderInit, 'zone'>): Promise<Proxy> => {
  if (zone === undefined) throw new MeshError('USAGE', 'This node has no addresses for names.')
  return DnsResponder.listen({ ...init, zone })
}

export const createProxies = (init: ProxiesInit): Proxies => {
  const { suffix = defaultSuffix, names, openTarget, candidates, onEvent, wallClock } = init
  const proxies = new Map<string, Proxy>()
  const openDestination = createDestinationOpener(openTarget)
  const { dns } = init
  const zone =
    dns === undefined
      ? undefined
      : new DnsZone({
          ...dns,
          suffix,
          book: { ...names, answering: dns.answering },
          findDestination: createDestinationFinder({ book: names, suffix }),
          openDestination
        })
  return {
    add: async ({ kind, listen, allowRemote = false, allowOutside = [], hedge, id = randomUUID() }) => {
      if (!allowRemote && !isLocal(listen)) {
        throw new MeshError('ADDRESS_INVALID', `${formatListenAddress(listen)} can be reached by other machines.`, {
          hint: 'Bind 127.0.0.1, or add --allow-remote: whoever reaches it then acts as this node.'
        })
      }
      if (allowOutside.length > limits.proxyOutsidePatterns)
        throw new MeshError('LIMIT_EXCEEDED', `A proxy takes at most ${limits.proxyOutsidePatterns} patterns.`)
      const findDestination = createDestinationFinder({
        book: names,
        suffix,
        outside: allowOutside.map(parseOutsidePattern)
      })
      if (hedge !== undefined && kind !== 'http')
        throw new MeshError('USAGE', 'Only an HTTP proxy knows requests that may be sent to a second agent.', {
          hint: 'Leave the hedge out, or open an HTTP proxy.'
        })
      const proxyInit = {
        id,
        kind,
        listen,
        suffix,
        findDestination,
        openDestination,
        candidates,
        hedge: hedge === undefined ? undefined : parseHedge(hedge),
        onEvent,
        wallClock
      }
      const open = { socks: SocksProxy, http: HttpProxy }
      const proxy = kind === 'dns' ? await openResponder(zone, proxyInit) : await open[kind].listen(proxyInit)
      proxies.set(id, proxy)
      return proxy.status
    },
    remove: (idOrListen) => {
      const found = proxies.get(idOrListen) ?? [...proxies.values()].find((one) => one.listenText === idOrListen)
      if (found === undefined) throw new MeshError('PROXY_UNKNOWN', `There is no proxy "${idOrListen.slice(0, 200)}".`)
      proxies.delete(found.id)
      found.close()
      return found.status
    },
    list: () => [...proxies.values()].map((one) => one.status),
    close: () => {
      for (const proxy of proxies.values()) proxy.close()
      proxies.clear()
    }
  }
}
