import type { NetcheckResponse } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { carriersTable } from '../carrier-text.ts'
import { fields, formatMs, table } from '../text.ts'

const mappings: Record<NetcheckResponse['mapping'], string> = {
  none: 'none: what this node sends keeps its address',
  'endpoint-independent': 'one mapping for all peers: punching works',
  'address-dependent': 'another mapping for every peer (symmetric): peers behind strict NATs need a relay',
  unknown: 'unknown: that takes the answers of two different hosts'
}

const udpTexts: Record<NetcheckResponse['udp'], string> = {
  works: 'works',
  silent: 'no server of STUN answered: it is blocked, or none of them serves',
  untested: 'untested: no member that this node has dialled, and no server in webrtc.stun'
}

const describePortMapping = (state: NetcheckResponse['portMapping']): string => {
  if (state === undefined) return 'off (port_mapping, or this node listens on the loopback alone)'
  const { gateway, reason, addresses = [] } = state
  if (state.state === 'mapped') return `${gateway ?? 'the gateway'} gave ${addresses.join(', ')}`
  return `${state.state}${gateway === undefined ? '' : ` by ${gateway}`}${reason === undefined ? '' : `: ${reason}`}`
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]

const describe = (found: NetcheckResponse): string[] => [
  ...fields([
    ['addresses', found.addresses.length === 0 ? '-' : found.addresses],
    ['udp', udpTexts[found.udp]],
    ['nat', mappings[found.mapping]],
    ['port mapping', describePortMapping(found.portMapping)],
    ['answers STUN', found.stun.endpoints.length === 0 ? 'no' : found.stun.endpoints]
  ]),
  ...section(
    'seen by',
    table(
      ['SERVER', 'MEMBER', 'SEES', 'RTT'],
      found.servers.map(({ server, name, peerId, mapped, rttMs }) => [
        server,
        name ?? peerId ?? '-',
        mapped ?? 'no answer',
        rttMs === undefined ? '-' : formatMs(rttMs)
      ])
    )
  ),
  ...section(
    'relays',
    table(
      ['MEMBER', 'RTT'],
      found.relays.map(({ name, peerId, rttMs }) => [name ?? peerId, rttMs === undefined ? '-' : formatMs(rttMs)])
    )
  ),
  ...section('carriers', carriersTable(found.carriers))
]

export const netcheck: Command = {
  command: 'netcheck',
  describe: 'Look at the network below the mesh: UDP, the kind of NAT, addresses, port mapping, relays.',
  examples: [
    { command: 'mesh-node netcheck', describe: 'why this node is reached as it is' },
    { command: 'mesh-node netcheck --json | jq -r .mapping', describe: 'the kind of NAT for a script' }
  ],
  handler: async (_input, context) => {
    const found = await context.waiting(
      'asking the members what they see',
      context.ask((client) => client.netcheck())
    )
    context.print(found, () => describe(found))
  }
}
