import type { Command } from '../command.ts'
import { fields, formatTime } from '../text.ts'

export const whois: Command = {
  command: 'whois',
  describe: 'Say which agent is behind a connection that a local service sees.',
  arguments: [{ name: '<address>', describe: 'remote address of the connection, as the service sees it: host:port' }],
  examples: [{ command: 'mesh-node whois 127.0.0.1:53412', describe: 'who is calling, while the connection is open' }],
  handler: async (input, context) => {
    const found = await context.ask((client) => client.whois(input.argument(0)))
    const { peerId, name, groups, service, path, sinceMs } = found
    context.print(found, () =>
      fields([
        ['name', name ?? '-'],
        ['peer id', peerId],
        ['groups', groups.join(', ') || '-'],
        ['service', service],
        ['path', path],
        ['since', formatTime(sinceMs)]
      ])
    )
  }
}
