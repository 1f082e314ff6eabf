import { randomUUID } from 'node:crypto'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { limits, MeshError, type Target } from '@agent-mesh/wire'
import type { DataPlaneEvent, OnDataPlaneEvent } from './events.ts'
import { Forward, type ForwardStatus } from './gateway/forward.ts'
import type { ListenAddress } from './gateway/listen-address.ts'
import { createTargetOpener, type ListCandidates, type OpenTarget } from './gateway/open-target.ts'
import type { Allowance, Authorizer, PathClass, PathEvents, PathResolver, Service, StreamDialer } from './interfaces.ts'
import { RecentCandidates } from './picker/recent.ts'
import { Turns } from './picker/turns.ts'
import { createAcceptor, type StreamHandler } from './tunnel/accept.ts'
import { recheckTunnels, type Recheck } from './tunnel/recheck.ts'
import { TunnelRegistry, type TunnelRegistryInit } from './tunnel/registry.ts'
import { connectUpstream } from './upstream/connect.ts'
import { identityFields, type Caller } from './upstream/http/identity-fields.ts'
import { Programs } from './upstream/stdio/programs.ts'
import { findProgram } from './upstream/stdio/program.ts'
import { Upstreams } from './upstream/upstreams.ts'
import { ServiceTable } from './upstream/service-table.ts'

export interface DataPlaneInit {
  resolver: PathResolver
  authorizer: Authorizer
  dialer: StreamDialer
  /** Id of the tunnel protocol of the network. */
  protocol: string
  /** What is reported back to the control plane. */
  events?: PathEvents
  /** What happens, for the log and the event stream. */
  onEvent?: OnDataPlaneEvent
  /** Who a caller is, for the services that are told; absent, nothing is told. */
  callerOf?: (peer: PeerId) => Caller
  /** This node's own peer id, as text. */
  selfId?: string
  /** A stream that a peer opened is put to use. */
  onUsed?: (stream: Stream, connection: Connection) => void
  /** How a connection reaches its peer; inbound tunnels show it. */
  pathOf?: (connection: Connection) => PathClass
  /** What a connection may carry still, where that is limited; for inbound tunnels. */
  allowanceOf?: (connection: Connection) => Allowance | undefined
  /** At least 0, below 1; for the choice among equal agents. */
  random?: () => number
  /** Monotonic milliseconds, and milliseconds since 1970. */
  clock?: Pick<Required<TunnelRegistryInit>, 'now' | 'wallClock'>
}

export interface AddForwardOptions {
  listen: ListenAddress
  target: Target
  /** Kept where the forward is an old one; otherwise one is made up. */
  id?: string
}

/** The bytes' half of a node. It finds nobody and decides nothing: that comes in through its interfaces. */
export interface DataPlane {
  /** To be registered by the node for the tunnel protocol, with {@link DataPlane.handlerOptions}. */
  handler: StreamHandler
  handlerOptions: { maxInboundStreams: number; maxOutboundStreams: number; runOnLimitedConnection: boolean }
  openTarget: OpenTarget
  candidates: ListCandidates
  tunnels: TunnelRegistry
  /** To be called when the rules of this node have changed: cuts the running inbound tunnels that are denied by now. */
  recheck: () => Recheck
  /**
   * Connects to a service of this node and lets go of it at once; of a program it is looked whether it is there.
   * @throws MeshError SERVICE_UNKNOWN, UPSTREAM_REFUSED, UPSTREAM_TIMEOUT, UPSTREAM_UNREACHABLE, CANCELLED
   */
  probeService: (name: string, options: { signal: AbortSignal }) => Promise<void>
  /** @throws MeshError SERVICE_TAKEN, LIMIT_EXCEEDED */
  addService: (service: Service, options?: { replace?: boolean }) => void
  /** @throws MeshError SERVICE_UNKNOWN */
  removeService: (name: string) => Service
  listServices: () => Service[]
  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID, SHUTTING_DOWN */
  addForward: (options: AddForwardOptions) => Promise<ForwardStatus>
  /**
   * Closes the door that has this id or this bound address; its open tunnels go on.
   * @throws MeshError FORWARD_UNKNOWN
   */
  removeForward: (idOrListen: string) => ForwardStatus
  listForwards: () => ForwardStatus[]
  /** Closes the doors, refuses new tunnels, waits for the running ones and resets the rest. */
  stop: (options?: { drainTimeoutMs?: number }) => Promise<void>
}

/** Puts the data plane of one node together. It owns no connection and no timer until it is used. */
export const createDataPlane = (init: DataPlaneInit): DataPlane => {
  const { callerOf, selfId = '' } = init
  const onEvent = (event: DataPlaneEvent): void => init.onEvent?.(event)
  const registry = new TunnelRegistry({ onEvent, ...init.clock })
  const services = new ServiceTable()
  const forwards = new Map<string, Forward>()
  const turns = new Turns(init.random)
  const recent = new RecentCandidates(init.resolver, init.clock?.now ?? (() => performance.now()))
  const openTarget = createTargetOpener({
    resolver: init.resolver,
    dialer: init.dialer,
    protocol: init.protocol,
    registry,
    events: init.events,
    turns,
    recent
  })
  const find = (idOrListen: string): Forward => {
    const found = forwards.get(idOrListen) ?? [...forwards.values()].find((one) => one.listenText === idOrListen)
    if (found === undefined)
      throw new MeshError('FORWARD_UNKNOWN', `There is no forward "${idOrListen.slice(0, 200)}".`)
    return found
  }
  return {
    handler: createAcceptor({
      registry,
      authorizer: init.authorizer,
      findService: (name) => services.find(name),
      upstreams: new Upstreams({ programs: new Programs({ onEvent }), callerOf }),
      pathOf: init.pathOf,
      allowanceOf: init.allowanceOf,
      onEvent,
      onUsed: init.onUsed,
      identityOf: callerOf === undefined ? undefined : (peer) => identityFields(callerOf(peer), selfId)
    }),
    handlerOptions: {
      maxInboundStreams: limits.tunnelsPerPeer,
      maxOutboundStreams: limits.tunnelsPerPeer,
      runOnLimitedConnection: true
    },
    openTarget,
    candidates: async (target, { signal, waiting, maxAgeMs = 0 }) =>
      turns.of(await recent.resolve(target, { signal, maxAgeMs }), { by: 'two-choices' }, waiting),
    tunnels: registry,
    recheck: () => recheckTunnels(registry, init.authorizer),
    probeService: async (name, { signal }) => {
      const service = services.find(name)
      if (service === undefined) throw new MeshError('SERVICE_UNKNOWN', `This node offers no service "${name}".`)
      const { address } = service
      if (address.type === 'stdio') {
        await findProgram(address.command[0] ?? '')
        return
      }
      const socket = await connectUpstream(address, { signal })
      socket.destroy()
    },
    addService: (service, options) => services.add(service, options),
    removeService: (name) => services.remove(name),
    listServices: () => services.list(),
    addForward: async ({ listen, target, id = randomUUID() }) => {
      if (registry.isDraining) throw new MeshError('SHUTTING_DOWN', 'The node is stopping.')
      const forward = await Forward.listen({
        id,
        listen,
        target,
        openTarget,
        onEvent,
        wallClock: init.clock?.wallClock
      })
      if (registry.isDraining) {
        forward.close()
        throw new MeshError('SHUTTING_DOWN', 'The node is stopping.')
      }
      forwards.set(id, forward)
      return forward.status
    },
    removeForward: (idOrListen) => {
      const forward = find(idOrListen)
      forwards.delete(forward.id)
      forward.close()
      return forward.status
    },
    listForwards: () => [...forwards.values()].map((one) => one.status),
    stop: async ({ drainTimeoutMs = limits.drainTimeoutMs } = {}) => {
      for (const forward of forwards.values()) forward.close()
      forwards.clear()
      await registry.drain(drainTimeoutMs)
    }
  }
}
