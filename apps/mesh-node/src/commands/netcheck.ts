import { clockText, readClock, type ClockReading } from '@agent-mesh/node/doctor'
import type { NetcheckResponse, PeerDocument } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { carriersTable } from '../carrier-text.ts'
import { fields, formatMs, table } from '../text.ts'

const kinds: Record<NetcheckResponse['kind'], string> = {
  open: 'open: neither NAT nor firewall, anybody can reach this node',
  firewall: 'a firewall without NAT: whoever this node sends to can answer, so that punching works',
  'full cone': 'full cone: anybody reaches a port that is mapped; punching works with every peer',
  'restricted cone': 'restricted cone: hosts that were sent to get in, from any port; punching works with every peer',
  'port-restricted cone':
    'port-restricted cone: ports that were sent to get in; punching works, but peers behind symmetric NATs need a relay',
  symmetric: 'symmetric: another mapping for every peer; peers behind symmetric or port-restricted NATs need a relay',
  unknown: 'unknown'
}

const describeKind = ({ kind, mapping, filteringReason }: NetcheckResponse): string => {
  if (kind !== 'unknown') return kinds[kind]
  if (mapping === 'unknown') return 'unknown: that takes the answers of two different hosts'
  const known = mapping === 'none' ? 'no NAT, and a firewall there may be' : 'a cone, so that punching works'
  return `${known}; the filtering is unknown: ${filteringReason ?? 'it was not measured'}`
}

const udpTexts: Record<NetcheckResponse['udp'], string> = {
  works: 'works',
  silent: 'no server of STUN answered: it is blocked, or none of them serves',
  untested: 'untested: no member that this node has dialled, and no server in webrtc.stun'
}

/** What the connections of this moment show of TCP. */
interface TcpReading {
  /** `works`: a member is reached by TCP and no relay. */
  state: 'works' | 'relayed' | 'untested'
  /** Members that are reached so. */
  members: number
}

const readTcp = (peers: readonly PeerDocument[]): TcpReading => {
  const connected = peers.filter(({ state }) => state === 'connected')
  const own = connected.filter(({ path }) => path === 'local' || path === 'direct' || path === 'punched')
  if (own.length > 0) return { state: 'works', members: own.length }
  return connected.length > 0 ? { state: 'relayed', members: connected.length } : { state: 'untested', members: 0 }
}

const describeTcp = ({ state, members }: TcpReading): string =>
  ({
    works: `works: ${members} members are reached without a relay`,
    relayed: `${members} members are connected, none of them by TCP without a relay`,
    untested: 'untested: no member is connected'
  })[state]

/** What `netcheck --json` prints: the answer of the node, and what its connections show. */
interface Found extends NetcheckResponse {
  tcp: TcpReading
  clock: ClockReading
}

const protocols = { 'nat-pmp': 'NAT-PMP', upnp: 'UPnP' } as const

const describePortMapping = (state: NetcheckResponse['portMapping']): string => {
  if (state === undefined) return 'off (port_mapping, or this node listens on the loopback alone)'
  const { gateway, protocol, reason, addresses = [] } = state
  if (state.state === 'mapped') {
    const how = protocol === undefined ? '' : ` by ${protocols[protocol]}`
    return `${gateway ?? 'the gateway'} gave ${addresses.join(', ')}${how}`
  }
  return `${state.state}${gateway === undefined ? '' : ` by ${gateway}`}${reason === undefined ? '' : `: ${reason}`}`
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]

const describe = (found: Found): string[] => [
  ...fields([
    ['addresses', found.addresses.length === 0 ? '-' : found.addresses],
    ['udp', udpTexts[found.udp]],
    ['tcp', describeTcp(found.tcp)],
    ['clock', clockText(found.clock)],
    ['NAT', `${found.mapping} mapping, ${found.filtering} filtering`],
    ['kind', describeKind(found)],
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
  describe:
    'Look at the network below the mesh: UDP, TCP, the kind of NAT, addresses, port mapping, relays, the clock.',
  examples: [
    { command: 'mesh-node netcheck', describe: 'why this node is reached as it is' },
    {
      command: 'mesh-node netcheck --json | jq -r .mapping,.filtering',
      describe: 'how the gateway maps and filters, for a script'
    },
    { command: 'mesh-node netcheck --json | jq -r .kind', describe: 'the kind of NAT in one word' }
  ],
  handler: async (_input, context) => {
    const answer = await context.waiting(
      'asking the members what they see',
      context.ask((client) => client.netcheck())
    )
    const peers = await context.ask((client) => client.peers())
    const found: Found = { ...answer, tcp: readTcp(peers), clock: readClock(peers, Date.now()) }
    context.print(found, () => describe(found))
  }
}
