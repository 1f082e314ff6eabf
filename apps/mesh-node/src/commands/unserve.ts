import type { Command } from '../command.ts'

export const unserve: Command = {
  command: 'unserve',
  describe: 'Withdraw a service. Open tunnels to it go on.',
  arguments: [{ name: '<name>', describe: 'name of the service' }],
  examples: [{ command: 'mesh-node unserve web', describe: 'offer it no more' }],
  handler: async (input, context) => {
    const withdrawn = await context.waiting(
      'telling the network',
      context.ask((client) => client.unserve(input.argument(0)))
    )
    context.print(withdrawn, () => [`${withdrawn.name} is offered no more.`])
  }
}
