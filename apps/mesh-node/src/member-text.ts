import type { PeerDocument } from '@agent-mesh/wire/api'
import { describeCarrierUse } from './carrier-text.ts'
import { formatAge, formatMs, table } from './text.ts'

/** State of a member, with since when and why: of its health where that is known, else of its connection. */
export const standingOf = ({
  state,
  sinceMs,
  direction,
  health
}: PeerDocument): { state: string; sinceMs: number; reason: string } => {
  if (health === undefined) return { state, sinceMs, reason: direction === undefined ? '-' : `${direction} connection` }
  const oneWay = health.isAsymmetric ? '; packets pass one way alone' : ''
  return { state: health.state, sinceMs: health.sinceMs, reason: `${health.reason}${oneWay}` }
}

/** `12.5 ms ±0.3`, with the jitter where it is known. */
const formatRtt = ({ rttMs, health }: PeerDocument): string => {
  if (rttMs === undefined) return '-'
  return health?.jitterMs === undefined ? formatMs(rttMs) : `${formatMs(rttMs)} ±${health.jitterMs.toFixed(1)}`
}

/** Lost packets; where nothing can tell them, probes that found no answer in time. */
export const formatLoss = ({
  loss,
  lossIn = loss,
  stalls = 0
}: {
  loss?: number | undefined
  lossIn?: number | undefined
  stalls?: number | undefined
}): string => {
  if (loss !== undefined && lossIn !== undefined) {
    const [there, here] = [loss, lossIn].map((share) => (share * 100).toFixed(1))
    return there === here ? `${there} %` : `${there} % out, ${here} % in`
  }
  return stalls === 0 ? '-' : `${stalls} ${stalls === 1 ? 'stall' : 'stalls'}`
}

/** Why it stands as it does, and why its path is not better. */
const reasonOf = (peer: PeerDocument): string =>
  [
    standingOf(peer).reason,
    ...(peer.carrier === undefined ? [] : [describeCarrierUse(peer.carrier)]),
    ...(peer.pathReason === undefined ? [] : [peer.pathReason])
  ].join('; ')

const row = (peer: PeerDocument, nowMs: number): string[] => {
  const { state, sinceMs } = standingOf(peer)
  return [
    peer.name,
    peer.peerId,
    state,
    formatAge(nowMs - sinceMs),
    peer.path ?? '-',
    formatRtt(peer),
    formatLoss(peer.health ?? {}),
    String(peer.tunnels),
    peer.addresses[0] ?? '-',
    reasonOf(peer)
  ]
}

/** Members for people. */
export const membersTable = (peers: PeerDocument[], nowMs: number): string[] =>
  table(
    ['NAME', 'PEER', 'STATE', 'FOR', 'PATH', 'RTT', 'LOSS', 'TUNNELS', 'ADDRESS', 'WHY'],
    peers.map((peer) => row(peer, nowMs))
  )
