/**
 * Moves bytes: tunnels between a caller and a service, the services' side, and the local doors.
 *
 * An outbound call reads `forward → resolve → open → splice`, an inbound one `accept → authorize → connect upstream →
 * splice`. Who is where and who may what comes in through {@link PathResolver}, {@link StreamDialer} and
 * {@link Authorizer}; the libp2p host stays outside.
 *
 * @example
 * ```ts
 * const plane = createDataPlane({ resolver, authorizer, dialer, protocol: protocols(network).tunnel })
 * await libp2p.handle(protocols(network).tunnel, plane.handler, plane.handlerOptions)
 *
 * plane.addService(parseService('web=http://127.0.0.1:8000'))
 * const { listen } = await plane.addForward({ listen: parseListenAddress('127.0.0.1:0'), target: parseTarget('bob/web') })
 *
 * const { tunnel } = await plane.openTarget(parseTarget('bob/ssh'))
 * process.stdin.pipe(tunnel).pipe(process.stdout)
 *
 * await plane.stop()
 * ```
 */
export * from './interfaces.ts'
export { createDataPlane, type AddForwardOptions, type DataPlane, type DataPlaneInit } from './data-plane.ts'
export type { DataPlaneEvent, OnDataPlaneEvent, TunnelDirection } from './events.ts'
export type { ForwardStatus } from './gateway/forward.ts'
export {
  createDestinationFinder,
  type Destination,
  type FindDestination,
  type NameBook
} from './gateway/destination.ts'
export { defaultLoopbackRange, parseLoopbackRange, type LoopbackRange } from './gateway/dns/loopback-range.ts'
export { defaultExtraPorts } from './gateway/dns/service-ports.ts'
export type { DnsBook, DnsSettings } from './gateway/dns/zone.ts'
export type { ProxyKind, ProxyStatus } from './gateway/door.ts'
export type { ServedBy } from './gateway/open-destination.ts'
export { parseConnectTarget } from './gateway/http/request-target.ts'
export { parseOutsidePattern } from './gateway/outside.ts'
export { parseHedge } from './gateway/http/failover/hedge.ts'
export { createProxies, type AddProxyOptions, type Proxies, type ProxiesInit } from './gateway/proxies.ts'
export { formatListenAddress, parseListenAddress, type ListenAddress } from './gateway/listen-address.ts'
export type { ListCandidates, OpenedTarget, OpenTarget, OpenTargetOptions } from './gateway/open-target.ts'
export { InFlight, type Report } from './picker/in-flight.ts'
export { pick, type Choice, type Pickable } from './picker/pick.ts'
export type { StreamHandler } from './tunnel/accept.ts'
export type { Recheck } from './tunnel/recheck.ts'
export type { TunnelInfo, TunnelRegistry, TunnelTotals } from './tunnel/registry.ts'
export { resetLocal, splice, type SpliceEnd } from './tunnel/splice.ts'
export type { Tunnel } from './tunnel/tunnel.ts'
export {
  formatService,
  formatUpstream,
  makeService,
  parseService,
  parseUpstream,
  type Upstream
} from './upstream/parse.ts'
export { Checks, type ChecksInit } from './upstream/check/checks.ts'
export { probe, type Probe } from './upstream/check/probe.ts'
export {
  checkDefaults,
  defaultCheck,
  formatCheck,
  parseCheck,
  type CheckKind,
  type CheckSettings
} from './upstream/check/settings.ts'
export type { CheckResult, CheckVerdict } from './upstream/check/verdict.ts'
