import { MeshError } from '@agent-mesh/wire/errors'
import type { Command } from '../command.ts'
import type { ServeResponse } from '@agent-mesh/wire/api'
import { describePublication } from './status.ts'

const parseBinding = (text: string): { name: string; address: string } => {
  const at = text.indexOf('=')
  if (at < 1)
    throw new MeshError('SERVICE_INVALID', `"${text.slice(0, 200)}" is not <name>=<address>.`, {
      hint: 'mesh-node serve web=http://127.0.0.1:8000'
    })
  return { name: text.slice(0, at), address: text.slice(at + 1) }
}

/** What another member types to use a service. */
const useCommand = ({ service }: ServeResponse, member: string): string =>
  service.kind === 'stdio'
    ? `mesh-node nc ${member} ${service.name}`
    : service.kind === 'ssh'
      ? `ssh -o ProxyCommand='mesh-node nc %h ${service.name}' <user>@${member}`
      : `mesh-node forward 127.0.0.1:0 ${member}/${service.name}`

export const serve: Command = {
  command: 'serve',
  describe: 'Offer a local endpoint to the network. It is remembered until mesh-node unserve.',
  arguments: [
    {
      name: '<name=address>',
      describe: 'http://, grpc://, tcp:// or ssh:// with host:port, unix:/path, or stdio:<program> <arguments>'
    }
  ],
  options: [
    { flags: '--capability <path>', describe: 'capability that this service answers', isRepeatable: true },
    {
      flags: '--allow <subject>',
      describe: 'who may open it: member name, peer id, group:<name> or members; several with commas',
      isRepeatable: true
    },
    {
      flags: '--replace',
      describe: 'take the place of a service of the same name; it keeps its --allow without a new one'
    }
  ],
  examples: [
    {
      command: 'mesh-node serve web=http://127.0.0.1:8000 --capability language_processing/translation',
      describe: 'an HTTP agent that others find by what it does'
    },
    {
      command: 'mesh-node serve admin=http://127.0.0.1:9000 --allow group:ops,bob',
      describe: 'for the members of one group and for bob alone'
    },
    { command: 'mesh-node serve llm=grpc://127.0.0.1:50051', describe: 'a gRPC agent' },
    { command: 'mesh-node serve ssh=ssh://127.0.0.1:22', describe: 'logins; see mesh-node nc --help' },
    { command: 'mesh-node serve tool=unix:/run/tool.sock', describe: 'a unix socket' },
    {
      command: "mesh-node serve files='stdio:npx -y @modelcontextprotocol/server-filesystem /srv/files'",
      describe: 'a program, such as an MCP server, started for each tunnel; mesh-node nc is its input and output'
    }
  ],
  handler: async (input, context) => {
    const { name, address } = parseBinding(input.argument(0))
    const allow = input.list('allow').flatMap((text) => text.split(',').map((one) => one.trim()))
    const request = {
      address,
      capabilities: input.list('capability'),
      replace: input.has('replace'),
      ...(allow.length === 0 ? {} : { allow })
    }
    const served = await context.waiting(
      'telling the network',
      context.ask((client) => client.serve(name, request))
    )
    const member = context.isJson ? '' : (await context.ask((client) => client.network())).name
    context.print(served, () => [
      `${served.service.name} is ${served.service.address}; the record of this agent is ${describePublication(served.publication)}.`,
      `Who may open it: ${served.service.rule ?? '-'}.`,
      'Another member uses it with:',
      ...served.service.capabilities.map((capability) => `mesh-node find ${capability}`),
      useCommand(served, member)
    ])
  }
}
