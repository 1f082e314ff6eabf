/** `read`: asked for at each scrape. `counted`: adds up what happens. */
interface MetricDefinition {
  type: 'gauge' | 'counter' | 'histogram'
  from: 'read' | 'counted'
  /** Their values come from closed sets: codes, kinds, states, path classes. Never a peer, a name or a capability. */
  labels: readonly string[]
  help: string
}

/**
 * Every metric of the mesh itself, in seconds, bytes and counts. `docs/reference/metrics.md` is made from this table, and
 * a test compares it with what a running node exposes. `code` is a code of the table of errors, or `ok`.
 */
const catalogue = {
  mesh_node_info: { type: 'gauge', from: 'read', labels: ['version'], help: 'Always 1; the version of the node.' },
  mesh_node_start_seconds: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'When the node was started, in seconds since 1970.'
  },
  mesh_node_warnings: { type: 'gauge', from: 'read', labels: ['code'], help: 'Warnings that mesh-node status shows.' },
  mesh_admission_members: {
    type: 'gauge',
    from: 'read',
    labels: ['path', 'direction'],
    help: 'Members that are connected, by how they are reached and who dialled.'
  },
  mesh_admission_changes_total: {
    type: 'counter',
    from: 'counted',
    labels: ['change'],
    help: 'Members that came (admit), left (gone) or were started again (replaced).'
  },
  mesh_admission_refusals_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Connections that ended before they were admitted, here or by the other side.'
  },
  mesh_admission_named_peers: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Peers that others named and that have shown no certificate.'
  },
  mesh_certificate_remaining_seconds: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Time left of the certificate of this node; negative once it is over.'
  },
  mesh_certificate_renewals_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Attempts to renew the certificate of this node.'
  },
  mesh_discovery_lookup_seconds: {
    type: 'histogram',
    from: 'counted',
    labels: ['kind', 'code'],
    help: 'Lookups by capability, by name or of one record. NOT_FOUND is one that found nobody.'
  },
  mesh_discovery_records: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Valid records of agents that this node has at hand.'
  },
  mesh_discovery_routing_table_peers: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Peers in the routing table of the DHT.'
  },
  mesh_discovery_remembered_peers: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Members that a restart tries to come back through.'
  },
  mesh_discovery_record_holders: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Other members that confirmed that they hold the record of this agent.'
  },
  mesh_discovery_publications_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Attempts to store the record of this agent with others.'
  },
  mesh_path_dial_seconds: {
    type: 'histogram',
    from: 'counted',
    labels: ['path', 'code'],
    help: 'Calls for a connection to a member that had none. The path is none where it failed.'
  },
  mesh_replication_items: {
    type: 'gauge',
    from: 'read',
    labels: ['kind'],
    help: 'Documents that this node holds of each replicated kind.'
  },
  mesh_replication_version: {
    type: 'gauge',
    from: 'read',
    labels: ['kind'],
    help: 'Version of what is replicated; 0 where the kind counts none or there is none.'
  },
  mesh_replication_members: {
    type: 'gauge',
    from: 'read',
    labels: ['kind', 'state'],
    help: 'Members that are known to hold the same as this node (same) or something else (different).'
  },
  mesh_replication_changes_total: {
    type: 'counter',
    from: 'counted',
    labels: ['kind'],
    help: 'Documents of other members that were taken over.'
  },
  mesh_replication_refusals_total: {
    type: 'counter',
    from: 'counted',
    labels: ['kind', 'code'],
    help: 'Documents of other members that were refused.'
  },
  mesh_replication_failures_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Comparisons with another member that failed.'
  },
  mesh_policy_version: { type: 'gauge', from: 'read', labels: [], help: 'Version of the policy in force; 0 is none.' },
  mesh_policy_grants: { type: 'gauge', from: 'read', labels: [], help: 'Grants of the policy in force.' },
  mesh_revocation_entries: { type: 'gauge', from: 'read', labels: [], help: 'Revocations that this node holds.' },
  mesh_health_members: {
    type: 'gauge',
    from: 'read',
    labels: ['state'],
    help: 'Members by their state of health, as far as it is known here.'
  },
  mesh_health_changes_total: {
    type: 'counter',
    from: 'counted',
    labels: ['state'],
    help: 'Changes of a state of health, by the state that began.'
  },
  mesh_health_rtt_seconds: {
    type: 'gauge',
    from: 'read',
    labels: ['statistic'],
    help: 'Round trips to connected members: least, median and most of them.'
  },
  mesh_health_loss_ratio: {
    type: 'gauge',
    from: 'read',
    labels: ['statistic'],
    help: 'Share of UDP echoes that were lost, of the two directions the worse one: least, median and most of the members for which it is known.'
  },
  mesh_relay_places: {
    type: 'gauge',
    from: 'read',
    labels: ['role'],
    help: 'Places at relays: those that this node gives to others, and those that it holds.'
  },
  mesh_relay_circuits: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Connections of other members that this node relays.'
  },
  mesh_relay_passed_bytes_total: {
    type: 'counter',
    from: 'read',
    labels: [],
    help: 'Bytes that this node has passed on for others.'
  },
  mesh_relay_refusals_total: {
    type: 'counter',
    from: 'read',
    labels: [],
    help: 'Places and circuits that others asked for and did not get.'
  },
  mesh_service_offered: { type: 'gauge', from: 'read', labels: ['kind'], help: 'Services that this node offers.' },
  mesh_forward_open: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Local addresses that lead to services of other agents.'
  },
  mesh_forward_failures_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Local connections that found no way to their service.'
  },
  mesh_proxy_repeats_total: {
    type: 'counter',
    from: 'counted',
    labels: ['why'],
    help: 'Requests through HTTP proxies that were sent once more: to another agent after the one asked was lost (repeat) or not reached (open), or to the same one on a fresh tunnel (stale).'
  },
  mesh_proxy_withheld_total: {
    type: 'counter',
    from: 'counted',
    labels: ['why'],
    help: 'Idempotent requests to capabilities that were lost with an agent and not sent to another: there was none (nobody), enough were asked (agents), it was too late (late), or too many were repeated of late (budget).'
  },
  mesh_proxy_hedges_total: {
    type: 'counter',
    from: 'counted',
    labels: ['winner'],
    help: 'Requests for which a second agent was asked beside a slow one, by who answered first: first, second or none.'
  },
  mesh_tunnel_open: {
    type: 'gauge',
    from: 'read',
    labels: ['direction', 'path'],
    help: 'Tunnels that are open; inbound ones lead to services of this node.'
  },
  mesh_tunnel_openings_total: {
    type: 'counter',
    from: 'counted',
    labels: ['direction', 'path'],
    help: 'Tunnels that were opened.'
  },
  mesh_tunnel_refusals_total: {
    type: 'counter',
    from: 'counted',
    labels: ['code'],
    help: 'Tunnels that others asked for and did not get.'
  },
  mesh_tunnel_duration_seconds: {
    type: 'histogram',
    from: 'counted',
    labels: ['direction', 'code'],
    help: 'How long tunnels that have ended were open, and how they ended.'
  },
  mesh_tunnel_received_bytes_total: {
    type: 'counter',
    from: 'read',
    labels: [],
    help: 'Payload that came in through tunnels.'
  },
  mesh_tunnel_sent_bytes_total: {
    type: 'counter',
    from: 'read',
    labels: [],
    help: 'Payload that went out through tunnels.'
  },
  mesh_tunnel_window_bytes: {
    type: 'gauge',
    from: 'read',
    labels: [],
    help: 'Sum of the credit windows of all open tunnels: what peers may send before it is read.'
  },
  mesh_tunnel_cuts_total: {
    type: 'counter',
    from: 'counted',
    labels: [],
    help: 'Running tunnels that a change of the rules cut.'
  }
} as const satisfies Record<string, MetricDefinition>

type Catalogue = typeof catalogue

export type MetricName = keyof Catalogue

/** The metrics that are read at a scrape, or counted. */
export type NameFrom<From extends MetricDefinition['from'], Type extends MetricDefinition['type']> = {
  [Name in MetricName]: Catalogue[Name] extends { from: From; type: Type } ? Name : never
}[MetricName]

export type LabelsOf<Name extends MetricName> = Record<Catalogue[Name]['labels'][number], string>

/** Every metric with its name, in the order of the table. */
export const metricDefinitions = (): Array<MetricDefinition & { name: string }> =>
  Object.entries<MetricDefinition>(catalogue).map(([name, definition]) => ({ name, ...definition }))
