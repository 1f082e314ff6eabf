import type { Command } from '../command.ts'

export const unpublish: Command = {
  command: 'unpublish',
  describe: 'Withdraw a capability.',
  arguments: [{ name: '<capability>', describe: 'path as it was published' }],
  examples: [{ command: 'mesh-node unpublish language_processing/translation', describe: 'be found by it no more' }],
  handler: async (input, context) => {
    const withdrawn = await context.waiting(
      'telling the network',
      context.ask((client) => client.unpublish(input.argument(0)))
    )
    context.print(withdrawn, () => [`${withdrawn.capability} is published no more.`])
  }
}
