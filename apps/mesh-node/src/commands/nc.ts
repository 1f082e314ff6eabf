import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'

/** `alice.mesh` is how host names say `alice`. */
const withoutSuffix = (host: string): string => (host.endsWith('.mesh') ? host.slice(0, -'.mesh'.length) : host)

const targetOf = (host: string, service: string | undefined): string => {
  const who = withoutSuffix(host)
  if (service === undefined) return who
  if (who.includes('/'))
    throw new MeshError(
      'TARGET_INVALID',
      `"${printable(host, 200)}" names a service already, and "${printable(service, 200)}" is another.`
    )
  return `${who}/${service}`
}

export const nc: Command = {
  command: 'nc',
  describe: 'Join stdin and stdout to a service of another agent. Made for ProxyCommand of ssh.',
  arguments: [
    { name: '<target>', describe: '<name>, <name>.mesh, <peer id> or cap:<path>, with an optional /<service>' },
    { name: '[service]', describe: 'service of the agent' }
  ],
  examples: [
    { command: "ssh -o ProxyCommand='mesh-node nc %h ssh' user@alice", describe: 'log in over the mesh' },
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
