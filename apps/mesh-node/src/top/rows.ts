import type { PeerDocument, Status } from '@agent-mesh/wire/api'
import { standingOf } from '../member-text.ts'

/** What the node said at one moment. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  atMs: number
  status: Status
  peers: PeerDocument[]
}

/** One member, as `top` shows it. Rates are bytes per second; absent before there are two moments to compare. */
export interface MemberRow {
  peerId: string
  name: string
  state: string
  sinceMs: number
  reason: string
  path?: string
  rttMs?: number
  jitterMs?: number
  loss?: number
  lossIn?: number
  stalls?: number
  tunnels: number
  inPerSecond?: number
  outPerSecond?: number
  eventLoopLagMs?: number
}

export const sortKeys = ['state', 'name', 'rtt', 'loss', 'tunnels', 'traffic', 'load'] as const
export type SortKey = (typeof sortKeys)[number]

/** The worst first. */
const severity = ['dead', 'unreachable', 'suspect', 'left', 'known', 'connected', 'alive']

const rate = (now: number | undefined, before: number | undefined, elapsedMs: number): number | undefined =>
  now === undefined || before === undefined || elapsedMs <= 0
    ? undefined
    : Math.max(0, ((now - before) * 1_000) / elapsedMs)

type Known<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }

const isKnown = <Fields extends object>(_fields: Fields, known: object): known is Known<Fields> => known !== null

/** The fields that have a value. */
const present = <Fields extends object>(fields: Fields): Known<Fields> => {
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  return isKnown(fields, known) ? known : {}
}

const rowOf = (peer: PeerDocument, before: PeerDocument | undefined, elapsedMs: number): MemberRow => {
  const { peerId, name, path, rttMs, tunnels, health } = peer
  return {
    peerId,
    name,
    ...standingOf(peer),
    tunnels,
    ...present({
      path,
      rttMs,
      jitterMs: health?.jitterMs,
      loss: health?.loss,
      lossIn: health?.lossIn,
      stalls: health?.stalls,
      inPerSecond: rate(peer.bytesIn, before?.bytesIn, elapsedMs),
      outPerSecond: rate(peer.bytesOut, before?.bytesOut, elapsedMs),
      eventLoopLagMs: health?.load?.eventLoopLagMs
    })
  }
}

const weightOf: Record<Exclude<SortKey, 'name'>, (row: MemberRow) => number> = {
  state: ({ state }) => -severity.indexOf(state),
  rtt: ({ rttMs = -1 }) => rttMs,
  loss: ({ loss = -1, lossIn = -1, stalls = 0 }) => Math.max(loss, lossIn) + stalls / 1_000,
  tunnels: ({ tunnels }) => tunnels,
  traffic: ({ inPerSecond = 0, outPerSecond = 0 }) => inPerSecond + outPerSecond,
  load: ({ eventLoopLagMs = -1 }) => eventLoopLagMs
}

const byName = (a: MemberRow, b: MemberRow): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** Members of a moment, sorted: the most of what is sorted by first, names in their order. */
export const memberRows = (now: Snapshot, before: Snapshot | undefined, sort: SortKey): MemberRow[] => {
  const earlier = new Map(before?.peers.map((peer) => [peer.peerId, peer]))
  const elapsedMs = before === undefined ? 0 : now.atMs - before.atMs
  const rows = now.peers.map((peer) => rowOf(peer, earlier.get(peer.peerId), elapsedMs))
  return rows.toSorted((a, b) => (sort === 'name' ? 0 : weightOf[sort](b) - weightOf[sort](a)) || byName(a, b))
}

export interface NodeRates {
  inPerSecond?: number
  outPerSecond?: number
}

/** What goes through all tunnels of this node. */
export const nodeRates = ({ atMs, status }: Snapshot, before: Snapshot | undefined): NodeRates => {
  const elapsedMs = before === undefined ? 0 : atMs - before.atMs
  return present({
    inPerSecond: rate(status.tunnels.bytesIn, before?.status.tunnels.bytesIn, elapsedMs),
    outPerSecond: rate(status.tunnels.bytesOut, before?.status.tunnels.bytesOut, elapsedMs)
  })
}
