import type { Command } from '../command.ts'
import { membersTable } from '../member-text.ts'

export const peers: Command = {
  command: 'peers',
  describe: 'Show the members that this node knows: their state, since when and why, and how they are reached.',
  examples: [{ command: 'mesh-node peers', describe: 'who is connected, over which path, how far away' }],
  handler: async (_input, context) => {
    const known = await context.waiting(
      'asking the node',
      context.ask((client) => client.peers())
    )
    context.print({ peers: known }, () =>
      known.length === 0
        ? ['No other member is known. To let one in:', context.here('invite')]
        : membersTable(known, Date.now())
    )
  }
}
