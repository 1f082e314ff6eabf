import { encodeHeader, frameHeaderBytes, frameTypes } from '@agent-mesh/wire'
import { deadline, openSink, pathClassOf, type Endpoint } from '@agent-mesh/control-plane'
import type { Overhead } from '@agent-mesh/wire/api'
import type { Connection } from '@libp2p/interface'
import { sentPackets } from '../host/ip-octets.ts'
import type { TcpCounters } from '../host/tcp-info.ts'
import { tcpEndpointOf } from './endpoint.ts'

export interface OverheadInit {
  connection: Connection
  /** `protocols(networkId).underlay`. */
  protocol: string
  tcp: TcpCounters
  /** The connection to the relay, of one that runs through it. */
  toRelay?: Connection | undefined
  /** Large packets vanish: large writes would stand still, and all tunnels of the connection with them. */
  isBlackHole: boolean
  signal: AbortSignal
}

/** What somebody has counted until now. */
interface Count {
  bytes: number
  segments: number
  retransmitted: number
  headerBytes?: number | undefined
}

interface Counter {
  by: string
  /** Bytes are those of whole packets. */
  isWhole: boolean
  read: () => Promise<Count | undefined>
}

const sizes = [
  { payloadBytes: 64, writes: 8 },
  { payloadBytes: 64 * 1_024, writes: 2 }
] as const
/** Whatever else the connection carries meanwhile makes a round dearer, never cheaper. */
const rounds = 3
const writeMs = 5_000
/** How much of what a machine sends may be others' where its packets are all that can be counted. */
const noiseShare = 0.05
const idleMs = 500

const round = (value: number): number => Math.round(10 * value) / 10

/** As the writer of a tunnel hands it over: header and payload, not copied. */
const frameOf = (payloadBytes: number): Uint8Array[] => [
  encodeHeader(frameTypes.data, payloadBytes),
  new Uint8Array(payloadBytes)
]

const layersOf = ({ encryption, multiplexer }: Connection): string[] => [encryption ?? 'plain', multiplexer ?? 'plain']

const layers = (connection: Connection, toRelay: Connection | undefined): string[] => {
  const path = pathClassOf(connection)
  if (path === 'webrtc') return ['UDP', 'DTLS', 'SCTP', 'data channel', 'tunnel']
  const inner = [...layersOf(connection), 'tunnel']
  if (path !== 'relayed') return ['TCP', ...inner]
  return ['TCP', ...(toRelay === undefined ? [] : layersOf(toRelay)), 'circuit', ...inner]
}

const tcpCounter = (tcp: TcpCounters, { host, port }: Endpoint): Counter => ({
  by: `the kernel, of the TCP connection to ${host}:${port} (ss -ti)`,
  isWhole: false,
  read: async () => {
    await tcp.refresh(true)
    const info = tcp.of({ host, port })
    if (info?.bytes === undefined) return undefined
    const { bytes, segments, retransmitted, headerBytes } = info
    return { bytes, segments, retransmitted, headerBytes }
  }
})

const machineCounter: Counter = {
  by: 'the kernel, of all packets that this machine sends (IpExt OutOctets), acknowledgements included',
  isWhole: true,
  read: async () => {
    const sent = await sentPackets()
    return sent === undefined ? undefined : { bytes: sent.bytes, segments: sent.packets, retransmitted: 0 }
  }
}

const difference = (before: Count, after: Count): Count => ({
  bytes: after.bytes - before.bytes,
  segments: after.segments - before.segments,
  retransmitted: after.retransmitted - before.retransmitted,
  headerBytes: after.headerBytes
})

type Write = Overhead['writes'][number]

/** Bytes that a machine sends in a millisecond though nothing is measured. */
const noiseOf = async (counter: Counter): Promise<number> => {
  const before = await counter.read()
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, idleMs)
  await promise
  const after = await counter.read()
  return before === undefined || after === undefined ? 0 : (after.bytes - before.bytes) / idleMs
}

/** The cheapest round, of those in which nothing was sent twice. @throws MeshError of the stream */
const measureSize = async (
  { connection, protocol, signal }: OverheadInit,
  counter: Counter,
  { payloadBytes, writes }: (typeof sizes)[number]
): Promise<{ count?: Count; reason?: string }> => {
  const noisePerMs = counter.isWhole ? await noiseOf(counter) : 0
  const sink = await openSink(connection, protocol, frameHeaderBytes + payloadBytes, deadline(writeMs, signal))
  let best: Count | undefined
  let reason = 'segments were sent again in every round'
  try {
    await sink.send(frameOf(payloadBytes), deadline(writeMs, signal))
    for (let turn = 0; turn < rounds; turn++) {
      const before = await counter.read()
      const startedMs = performance.now()
      for (let count = 0; count < writes; count++) await sink.send(frameOf(payloadBytes), deadline(writeMs, signal))
      const elapsedMs = performance.now() - startedMs
      const after = await counter.read()
      if (before === undefined || after === undefined) return { reason: 'the kernel does not show its counters here' }
      const count = difference(before, after)
      if (noisePerMs * elapsedMs > noiseShare * count.bytes)
        reason = `this machine sends ${Math.round(noisePerMs * 1_000)} bytes a second besides, which cannot be told apart`
      else if (count.retransmitted === 0 && count.bytes < (best?.bytes ?? Infinity)) best = count
    }
  } finally {
    sink.close()
  }
  return best === undefined ? { reason } : { count: best }
}

const describe = (counter: Counter, { payloadBytes, writes }: (typeof sizes)[number], count: Count): Write => {
  const bytes = count.bytes / writes
  const segments = count.segments / writes
  const { headerBytes } = count
  const wireBytes = counter.isWhole ? bytes : headerBytes === undefined ? undefined : bytes + segments * headerBytes
  return {
    payloadBytes,
    ...(counter.isWhole ? {} : { sentBytes: round(bytes) }),
    segments: round(segments),
    ...(wireBytes === undefined ? {} : { wireBytes: round(wireBytes) })
  }
}

const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err))

const counterFor = ({ connection, tcp, toRelay }: OverheadInit): Counter | string => {
  const path = pathClassOf(connection)
  if (path === 'webrtc') return machineCounter
  const carrier = path === 'relayed' ? toRelay : connection
  const remote = carrier === undefined ? undefined : tcpEndpointOf(carrier.remoteAddr)
  return remote === undefined ? 'no connection over TCP to the relay is known' : tcpCounter(tcp, remote)
}

/**
 * Sends frames of a tunnel over a connection, each after the one before was confirmed, and lets the kernel count what left.
 * What cannot be counted says why. It takes some 30 round trips.
 */
export const measureOverhead = async (init: OverheadInit): Promise<Overhead> => {
  const { connection, toRelay, isBlackHole } = init
  const made: Overhead = { path: pathClassOf(connection), layers: layers(connection, toRelay), writes: [] }
  const counter = counterFor(init)
  if (typeof counter === 'string') return { ...made, reason: counter }
  const reasons: string[] = []
  let headerBytes: number | undefined
  for (const size of sizes) {
    const what = `${size.payloadBytes} bytes`
    if (isBlackHole && size.payloadBytes > 1_000) {
      reasons.push(`${what}: large packets vanish on this path, and would stop everything behind them`)
      continue
    }
    const { count, reason = '' } = await measureSize(init, counter, size).catch(
      (err: unknown): { count?: Count; reason?: string } => ({ reason: messageOf(err) })
    )
    if (count === undefined) reasons.push(`${what}: ${reason}`)
    else made.writes.push(describe(counter, size, count))
    headerBytes = count?.headerBytes ?? headerBytes
  }
  return {
    ...made,
    ...(made.writes.length === 0 ? {} : { countedBy: counter.by }),
    ...(headerBytes === undefined ? {} : { headerBytes }),
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') })
  }
}
