import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'

const targetOf = (host: string, service: string | undefined): string => {
  if (service === undefined) return host
  if (host.includes('/'))
    throw new MeshError(
      'TARGET_INVALID',
      `"${printable(host, 200)}" names a service already, and "${printable(service, 200)}" is another.`
    )
  return `${host}/${service}`
}

export const nc: Command = {
  command: 'nc',
  describe: 'Join stdin and stdout to a service of another agent. Made for ProxyCommand of ssh.',
  arguments: [
    {
      name: '<target>',
      describe:
        '<name>, <peer id> or a host name of the mesh (web.alice.mesh), with an optional /<service>; or cap:<path>'
    },
    { name: '[service]', describe: 'service of the agent' }
  ],
  examples: [
    { command: "ssh -o ProxyCommand='mesh-node nc %h ssh' user@alice", describe: 'log in over the mesh' },
    { command: 'mesh-node nc web.alice.mesh', describe: 'by a host name of the mesh' },
    {
      command: "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | mesh-node nc bob/web",
      describe: 'the end of stdin is the end of that direction alone'
    }
  ],
  handler: async (input, context) => {
    const target = targetOf(input.argument(0), input.optionalArgument(1))
    const tunnel = await context.waiting(
      `connecting to ${printable(target, 200)}`,
      context.ask((client) => client.connect(target))
    )
    const { joinStdio } = await import('../stdio.ts')
    await joinStdio(tunnel)
  }
}
