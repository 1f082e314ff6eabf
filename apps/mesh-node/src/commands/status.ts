import type { PeerDocument, Publication, Status } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { fields, formatAge, formatBytes, formatTime, table } from '../text.ts'
import { carriersTable } from '../carrier-text.ts'
import { membersTable } from '../member-text.ts'
import { describeServiceHealth } from '../service-health.ts'
import { forwardsTable } from './forward.ts'
import { proxiesTable } from './proxy.ts'

/** What became of the record of this agent. */
export const describePublication = (publication: Publication | undefined): string => {
  if (publication === undefined) return 'not published'
  const { pending, storedBy, untilMs } = publication
  if (pending !== undefined)
    return `not stored by anybody yet (${pending.code}): ${pending.reason}; it is tried again by itself`
  return `stored by ${storedBy} ${storedBy === 1 ? 'member' : 'members'} until ${formatTime(untilMs)}`
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]

const describePaths = (paths: Status['paths'] = {}): string =>
  Object.entries(paths)
    .map(([path, count]) => `${count} ${path}`)
    .join(', ') || '-'

const describeStatus = (status: Status, members: PeerDocument[]): string[] => {
  const { network, peers, tunnels } = status
  return [
    ...fields([
      ['name', network.name],
      ['peer id', network.peerId],
      ['network', network.network],
      ['certificate', `until ${network.certificate.notAfter}`],
      ['node', `version ${status.version}, pid ${status.pid}, up for ${formatAge(Date.now() - status.startedMs)}`],
      ['state', status.stateDir],
      ['addresses', status.addresses.length === 0 ? '-' : status.addresses],
      ['peers', `${peers.connected} connected, ${peers.known} known, ${peers.routingTable} in the routing table`],
      ['paths', describePaths(status.paths)],
      [
        'tunnels',
        `${tunnels.open} open, ${tunnels.total} in all, ${formatBytes(tunnels.bytesIn)} in, ${formatBytes(tunnels.bytesOut)} out`
      ],
      ['record', describePublication(status.publication)]
    ]),
    ...section('members', membersTable(members, Date.now())),
    ...section('carriers', carriersTable(status.carriers)),
    ...section(
      'services',
      table(
        ['NAME', 'KIND', 'ADDRESS', 'CAPABILITIES', 'WEIGHT', 'HEALTH', 'WHO MAY OPEN IT'],
        status.services.map((one) => [
          one.name,
          one.kind,
          one.address,
          one.capabilities.join(', ') || '-',
          String(one.weight ?? 1),
          describeServiceHealth(one, Date.now()),
          one.rule ?? '-'
        ])
      )
    ),
    ...section(
      'capabilities',
      table(
        ['CAPABILITY', 'SERVICE'],
        status.capabilities.map((one) => [one.capability, one.service ?? '-'])
      )
    ),
    ...section('forwards', forwardsTable(status.forwards)),
    ...section('proxies', proxiesTable(status.proxies)),
    ...section(
      'settings',
      table(
        ['SETTING', 'VALUE', 'FROM'],
        status.settings.map((one) => [one.key, one.value, one.source])
      )
    ),
    ...section(
      'warnings',
      status.warnings.flatMap(({ code, message, hint }) => [
        ...fields([[code, message]]),
        ...fields([['', `next: ${hint}`]])
      ])
    )
  ]
}

export const status: Command = {
  command: 'status',
  describe:
    'Show what the node knows of itself: who it is, who is connected, what it offers, where each setting comes from.',
  examples: [
    { command: 'mesh-node status', describe: 'everything at a glance' },
    { command: 'mesh-node status --json | jq .peers.connected', describe: 'one number for a script' }
  ],
  handler: async (_input, context) => {
    const [found, members] = await context.waiting(
      'asking the node',
      context.ask(async (client) => Promise.all([client.status(), context.isJson ? [] : client.peers()]))
    )
    context.print(found, () => describeStatus(found, members))
  }
}
