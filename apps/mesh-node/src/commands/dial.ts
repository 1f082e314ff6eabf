import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import { fields, formatMs } from '../text.ts'

export const dial: Command = {
  command: 'dial',
  describe: 'Connect to an agent and say how it is reached.',
  arguments: [{ name: '<target>', describe: 'member name, peer id or cap:<path>' }],
  options: [{ flags: '--timeout <duration>', describe: 'longest wait' }],
  examples: [
    { command: 'mesh-node dial 12D3KooW…', describe: 'by its address that never changes' },
    { command: 'mesh-node dial bob', describe: 'by name' }
  ],
  handler: async (input, context) => {
    const timeoutMs = input.duration('timeout', 100, 60_000)
    const request = { target: input.argument(0), ...(timeoutMs === undefined ? {} : { timeoutMs }) }
    const reached = await context.waiting(
      `dialling ${printable(request.target, 200)}`,
      context.ask((client) => client.dial(request))
    )
    const { name, peerId, path, rttMs, addresses } = reached
    context.print(reached, () => [
      ...fields([
        ['name', name ?? '-'],
        ['peer id', peerId],
        ['path', path],
        ['round trip', formatMs(rttMs)],
        ['addresses', addresses.length === 0 ? '-' : addresses]
      ]),
      `mesh-node find ${printable(name ?? peerId, 200)}`
    ])
  }
}
