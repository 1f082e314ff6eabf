import type { PeerDocument } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { formatAge, formatMs, table } from '../text.ts'

const row = ({ name, peerId, state, path, direction, rttMs, sinceMs, tunnels, addresses }: PeerDocument): string[] => [
  name,
  peerId,
  state,
  path ?? '-',
  direction ?? '-',
  rttMs === undefined ? '-' : formatMs(rttMs),
  formatAge(Date.now() - sinceMs),
  String(tunnels),
  addresses[0] ?? '-'
]

export const peers: Command = {
  command: 'peers',
  describe: 'Show the members that this node knows, and how they are reached.',
  examples: [{ command: 'mesh-node peers', describe: 'who is connected, over which path, how far away' }],
  handler: async (_input, context) => {
    const known = await context.waiting(
      'asking the node',
      context.ask((client) => client.peers())
    )
    context.print({ peers: known }, () =>
      known.length === 0
        ? ['No other member is known. To let one in:', context.here('invite')]
        : table(['NAME', 'PEER', 'STATE', 'PATH', 'DIRECTION', 'RTT', 'FOR', 'TUNNELS', 'ADDRESS'], known.map(row))
    )
  }
}
