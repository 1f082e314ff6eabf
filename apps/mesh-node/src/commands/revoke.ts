import { MeshError } from '@agent-mesh/wire/errors'
import type { RevocationDocument } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'
import { fields, table } from '../text.ts'

const row = ({ name, peerId, serial, revoked, until, right, reason }: RevocationDocument): string[] => [
  name ?? '-',
  peerId,
  serial ?? 'all',
  revoked,
  until,
  right,
  reason
]

const describeRevocation = (made: RevocationDocument): string[] => [
  ...fields([
    ['revoked', made.name ?? made.peerId],
    ['peer id', made.peerId],
    ['certificate', made.serial ?? `every one from before ${made.revoked}`],
    ['by', `${made.right}${made.reason === '' ? '' : `: ${made.reason}`}`]
  ]),
  'Its connections are closed here, and wherever this is heard of. To let it in again, make a ticket:',
  'mesh-node invite'
]

export const revoke: Command = {
  command: 'revoke',
  describe: 'Put a member out of the network, everywhere. Needs the root key, the group admin, or to have admitted it.',
  arguments: [{ name: '[member]', describe: 'name, peer id, or serial of one certificate' }],
  options: [
    { flags: '--reason <text>', describe: 'why, for people; every member can read it' },
    { flags: '--list', describe: 'show the revocations that this node holds' }
  ],
  examples: [
    { command: 'mesh-node revoke bob --reason "laptop lost"', describe: 'whatever certificates bob has at present' },
    { command: 'mesh-node revoke --list', describe: 'who was put out, by whom, and until when that is kept' }
  ],
  handler: async (input, context) => {
    if (input.has('list')) {
      const revocations = await context.ask((client) => client.revocations())
      context.print({ revocations }, () =>
        revocations.length === 0
          ? ['Nobody is revoked.']
          : table(['NAME', 'PEER', 'CERTIFICATE', 'REVOKED', 'KEPT UNTIL', 'BY', 'REASON'], revocations.map(row))
      )
      return
    }
    const who = input.optionalArgument(0)
    if (who === undefined)
      throw new MeshError('USAGE', 'It takes a member to revoke.', {
        hint: context.here('revoke <name|peer id|serial>')
      })
    const reason = input.text('reason')
    const made = await context.waiting(
      'revoking',
      context.ask((client) => client.revoke({ who, ...(reason === undefined ? {} : { reason }) }))
    )
    context.print(made, () => describeRevocation(made))
  }
}
