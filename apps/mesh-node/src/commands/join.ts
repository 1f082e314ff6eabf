import { MeshError } from '@agent-mesh/wire/errors'
import type { Command } from '../command.ts'
import { describeNetwork } from './network.ts'

export const join: Command = {
  command: 'join',
  describe: 'Join a network with a ticket. Needs no running node here, but one at whoever made the ticket.',
  arguments: [{ name: '<ticket>', describe: 'what mesh-node invite printed: mesh1…' }],
  options: [
    { flags: '--name <name>', describe: 'name of this node in the network: one label of a-z, 0-9 and hyphens' }
  ],
  examples: [{ command: 'mesh-node join mesh1… --name bob', describe: 'join as bob, then start the node' }],
  handler: async (input, context) => {
    const name = input.text('name')
    if (name === undefined)
      throw new MeshError('USAGE', 'A new member needs a name.', { hint: context.here('join <ticket> --name <name>') })
    const { joinNetwork } = await import('@agent-mesh/node')
    const joined = await joinNetwork(await context.openStateDir(), {
      ticket: input.argument(0),
      name,
      onProgress: (text) => context.note(text)
    })
    const { carrier } = joined
    context.print(joined, () => [
      ...describeNetwork(joined),
      '',
      ...(carrier === undefined
        ? ['Start the node:', context.here('up')]
        : [
            'It was reached through a relay of another network. To go on through it:',
            context.here(`up --carrier ${carrier}`)
          ])
    ])
  }
}
