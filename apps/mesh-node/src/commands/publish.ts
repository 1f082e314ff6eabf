import type { Command } from '../command.ts'
import { describePublication } from './status.ts'

export const publish: Command = {
  command: 'publish',
  describe: 'Publish a capability, so that others find this agent by it and by all that it is a part of.',
  arguments: [{ name: '<capability>', describe: 'path of [a-z0-9_-] parts, as language_processing/translation' }],
  options: [{ flags: '--service <name>', describe: 'service of this node that answers it' }],
  examples: [
    {
      command: 'mesh-node publish language_processing/translation --service web',
      describe: 'answered by the service web'
    },
    { command: 'mesh-node publish x-acme/billing', describe: "a capability of one's own" }
  ],
  handler: async (input, context) => {
    const service = input.text('service')
    const request = { capability: input.argument(0), ...(service === undefined ? {} : { service }) }
    const published = await context.waiting(
      'telling the network',
      context.ask((client) => client.publish(request))
    )
    if (published.suggestions.length > 0)
      context.note(`others use ${published.suggestions.join(', ')}: did you mean that?`)
    context.print(published, () => [
      `${published.capability} is ${describePublication(published.publication)}. Another member finds it with:`,
      `mesh-node find ${published.capability}`
    ])
  }
}
