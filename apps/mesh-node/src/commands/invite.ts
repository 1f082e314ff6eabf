import type { Command } from '../command.ts'

const hourMs = 3_600_000

export const invite: Command = {
  command: 'invite',
  describe: 'Make a ticket with which another node joins the network.',
  options: [
    { flags: '--expires <duration>', describe: 'how long the ticket is good for; 24h without it' },
    { flags: '--lifetime <duration>', describe: 'the same as --expires' },
    { flags: '--uses <number>', describe: 'how many nodes may join with it; 1 without it' },
    { flags: '--group <name>', describe: 'group that the new member is in', isRepeatable: true },
    { flags: '--ephemeral <duration>', describe: 'members that join with it last so long and are not renewed, as 7d' },
    {
      flags: '--admit',
      describe: 'members that join with it may admit others, into their own groups; takes the root key'
    }
  ],
  examples: [
    { command: 'mesh-node invite', describe: 'a ticket for one node; paste the printed line on its machine' },
    { command: 'mesh-node invite --uses 20 --lifetime 2h --group workers', describe: 'one ticket for a fleet' },
    { command: 'mesh-node invite --group ci --expires 24h --ephemeral 7d', describe: 'a member for a week' }
  ],
  handler: async (input, context) => {
    const longest = 30 * 24 * hourMs
    const lifetimeMs = input.duration('expires', 60_000, longest) ?? input.duration('lifetime', 60_000, longest)
    const ephemeralMs = input.duration('ephemeral', 60_000, longest)
    const uses = input.count('uses', 1, 10_000)
    const groups = input.list('group')
    const made = await context.waiting(
      'making a ticket',
      context.ask((client) =>
        client.invite({
          ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
          ...(uses === undefined ? {} : { uses }),
          ...(ephemeralMs === undefined ? {} : { ephemeralMs }),
          ...(input.has('admit') ? { mayAdmit: true } : {}),
          ...(groups.length === 0 ? {} : { groups })
        })
      )
    )
    context.print(made, () => [
      `A ticket for ${made.uses === 1 ? 'one node' : `${made.uses} nodes`}, good until ${made.expires}. Whoever has it can join: send it as you would a password.`,
      'On the other machine:',
      `mesh-node join ${made.ticket} --name <name>`
    ])
  }
}
