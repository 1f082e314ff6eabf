import type {
  Admission,
  HealthState,
  HealthView,
  PolicyKeeper,
  RecordBook,
  RelayUse,
  Replica,
  RevocationKeeper,
  RunningReplication
} from '@agent-mesh/control-plane'
import { pathClassOf } from '@agent-mesh/control-plane'
import type { DataPlane } from '@agent-mesh/data-plane'
import type { Publication, ServiceDocument, Status } from '@agent-mesh/wire/api'
import { version } from '../version.ts'
import type { Readings, Sample } from './meter.ts'

/** The rooms of a node that its metrics are read from. */
export interface MeteredRooms {
  startedMs: number
  admission: Pick<Admission, 'members' | 'connections'>
  namedPeers: () => number
  certificateEndsMs: () => number
  book: Pick<RecordBook, 'all'>
  routingTableSize: () => number
  rememberedPeers: () => number
  publication: () => Publication | undefined
  replicas: Replica[]
  replication: Pick<RunningReplication, 'holders'>
  policy: Pick<PolicyKeeper, 'status'>
  revocations: Pick<RevocationKeeper, 'list'>
  dataPlane: Pick<DataPlane, 'tunnels' | 'listForwards'>
  services: () => ServiceDocument[]
  warnings: () => Status['warnings']
  /** Absent where nothing relays. */
  relay?: () => RelayUse & { places: number }
  /** Absent as long as nothing watches who is alive. */
  health?: Pick<HealthView, 'all' | 'onChange'>
}

const one = (value: number): Array<Sample<'mesh_forward_open'>> => [{ labels: {}, value }]

/** How often each set of labels occurs. Labels come from closed sets, so that the text of one is its key. */
const tally = <Labels extends Record<string, string>>(found: Labels[]): Array<{ labels: Labels; value: number }> => {
  const counts = new Map<string, { labels: Labels; value: number }>()
  for (const labels of found) {
    const key = Object.values(labels).join(' ')
    const counted = counts.get(key) ?? { labels, value: 0 }
    counted.value += 1
    counts.set(key, counted)
  }
  return [...counts.values()]
}

const healthStates: HealthState[] = ['alive', 'suspect', 'unreachable', 'dead', 'left']

/** Least, median and most; nothing of nothing. */
const spread = (values: number[]): Array<{ labels: { statistic: string }; value: number }> => {
  const sorted = values.toSorted((a, b) => a - b)
  const [least, median, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)]
  if (least === undefined || median === undefined || most === undefined) return []
  return [
    { labels: { statistic: 'min' }, value: least },
    { labels: { statistic: 'median' }, value: median },
    { labels: { statistic: 'max' }, value: most }
  ]
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Whom else a replica of this node agrees with. */
const agreement = (replica: Replica, replication: MeteredRooms['replication']) => {
  const own = replica.digest()
  const holders = replication.holders(replica.kind)
  const same = holders.filter(({ digest }) => isSame(digest, own)).length
  return [
    { labels: { kind: replica.kind, state: 'same' }, value: same },
    { labels: { kind: replica.kind, state: 'different' }, value: holders.length - same }
  ]
}

/** What a scrape reads, room by room. Nothing is remembered between two. */
export const readingsOf = (rooms: MeteredRooms): Readings => {
  const { admission, book, dataPlane, health, policy, replicas, replication, revocations } = rooms
  const healthOf = <T>(pick: (peers: ReturnType<HealthView['all']>) => T[]): T[] =>
    health === undefined ? [] : pick(health.all())
  return {
    mesh_node_info: () => [{ labels: { version }, value: 1 }],
    mesh_node_start_seconds: () => one(rooms.startedMs / 1_000),
    mesh_node_warnings: () => tally(rooms.warnings().map(({ code }) => ({ code }))),
    mesh_admission_members: () =>
      tally(
        admission.members().flatMap((peer) =>
          admission
            .connections(peer)
            .slice(0, 1)
            .map((connection) => ({ path: pathClassOf(connection), direction: connection.direction }))
        )
      ),
    mesh_admission_named_peers: () => one(rooms.namedPeers()),
    mesh_certificate_remaining_seconds: () => one((rooms.certificateEndsMs() - Date.now()) / 1_000),
    mesh_discovery_records: () => one(book.all().filter(({ isWithdrawn }) => !isWithdrawn).length),
    mesh_discovery_routing_table_peers: () => one(rooms.routingTableSize()),
    mesh_discovery_remembered_peers: () => one(rooms.rememberedPeers()),
    mesh_discovery_record_holders: () => one(rooms.publication()?.storedBy ?? 0),
    mesh_replication_items: () =>
      replicas.map((replica) => ({ labels: { kind: replica.kind }, value: replica.ids().length })),
    mesh_replication_version: () =>
      replicas.map((replica) => ({ labels: { kind: replica.kind }, value: replica.version() })),
    mesh_replication_members: () => replicas.flatMap((replica) => agreement(replica, replication)),
    mesh_policy_version: () => one(policy.status().version),
    mesh_policy_grants: () => one(policy.status().grantCount ?? 0),
    mesh_revocation_entries: () => one(revocations.list().length),
    mesh_health_members: () =>
      healthOf((peers) =>
        healthStates.map((state) => ({
          labels: { state },
          value: peers.filter((peer) => peer.state === state).length
        }))
      ),
    mesh_health_rtt_seconds: () =>
      healthOf((peers) => spread(peers.flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs / 1_000])))),
    mesh_health_loss_ratio: () =>
      healthOf((peers) =>
        spread(peers.flatMap(({ loss, lossIn = 0 }) => (loss === undefined ? [] : [Math.max(loss, lossIn)])))
      ),
    mesh_relay_places: () => {
      const use = rooms.relay?.()
      if (use === undefined) return []
      return [
        { labels: { role: 'given' }, value: use.reservations },
        { labels: { role: 'held' }, value: use.places }
      ]
    },
    mesh_relay_circuits: () => one(rooms.relay?.().circuits ?? 0),
    mesh_relay_passed_bytes_total: () => one(rooms.relay?.().bytes ?? 0),
    mesh_relay_refusals_total: () => one(rooms.relay?.().refusals ?? 0),
    mesh_service_offered: () => tally(rooms.services().map(({ kind }) => ({ kind }))),
    mesh_forward_open: () => one(dataPlane.listForwards().length),
    mesh_tunnel_open: () =>
      tally(dataPlane.tunnels.list().map(({ direction, path = 'unknown' }) => ({ direction, path }))),
    mesh_tunnel_received_bytes_total: () => one(dataPlane.tunnels.totals.bytesIn),
    mesh_tunnel_sent_bytes_total: () => one(dataPlane.tunnels.totals.bytesOut),
    mesh_tunnel_window_bytes: () => one(dataPlane.tunnels.budget.usage.reservedBytes)
  }
}
