import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import { formatDuration } from '@agent-mesh/node/units'
import type { Command } from '../command.ts'
import type { CheckRequest, ServeResponse } from '@agent-mesh/wire/api'
import type { Input } from '../input.ts'
import { describeCheck } from '../service-health.ts'
import { describePublication } from './status.ts'

const parseBinding = (text: string): { name: string; address: string } => {
  const at = text.indexOf('=')
  if (at < 1)
    throw new MeshError('SERVICE_INVALID', `"${text.slice(0, 200)}" is not <name>=<address>.`, {
      hint: 'mesh-node serve web=http://127.0.0.1:8000'
    })
  return { name: text.slice(0, at), address: text.slice(at + 1) }
}

/** What was said of the checks; undefined where nothing was. */
const readCheck = (input: Input): CheckRequest | undefined => {
  const kind = input.isOff('check') ? 'none' : input.text('check')
  const intervalMs = input.duration('checkInterval', limits.checkIntervalLeastMs, limits.checkIntervalMostMs)
  const timeoutMs = input.duration('checkTimeout', 100, 60_000)
  const threshold = input.count('checkThreshold', 1, limits.checkThreshold)
  const said = {
    ...(kind === undefined ? {} : { kind }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(threshold === undefined ? {} : { threshold })
  }
  return Object.keys(said).length === 0 ? undefined : said
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
      flags: '--check <kind>',
      describe: 'how it is seen whether it works: connect, http:<path>, grpc or grpc:<service>; connect without it'
    },
    { flags: '--no-check', describe: 'do not check it; logins (ssh://) are not without --check' },
    {
      flags: '--check-interval <duration>',
      describe: `how often; ${formatDuration(limits.checkIntervalMs)} without it`
    },
    {
      flags: '--check-timeout <duration>',
      describe: `longest check; ${formatDuration(limits.checkTimeoutMs)} without it`
    },
    { flags: '--check-threshold <number>', describe: 'failed checks in a row until it is failing; 3 without it' },
    {
      flags: '--weight <number>',
      describe: `how much of the work it wants beside others of the same capability; 1 without it, ${limits.serviceWeight} at most`
    },
    {
      flags: '--proxy-protocol',
      describe: 'tell it who calls by a header of the PROXY protocol v2 before the first byte'
    },
    { flags: '--no-proxy-protocol', describe: 'do not; for --replace' },
    {
      flags: '--replace',
      describe:
        'take the place of a service of the same name; what is not said anew (--allow, --check, --weight, --proxy-protocol) stays'
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
    {
      command: 'mesh-node serve web=http://127.0.0.1:8000 --check http:/healthz --check-interval 10s --weight 5',
      describe: 'others go elsewhere while /healthz fails, and come here five times as often otherwise'
    },
    { command: 'mesh-node serve llm=grpc://127.0.0.1:50051', describe: 'a gRPC agent' },
    { command: 'mesh-node serve ssh=ssh://127.0.0.1:22', describe: 'logins; see mesh-node nc --help' },
    {
      command: 'mesh-node serve db=tcp://127.0.0.1:5432 --proxy-protocol',
      describe: 'a TCP service that reads who calls, such as one behind HAProxy'
    },
    { command: 'mesh-node serve tool=unix:/run/tool.sock', describe: 'a unix socket' },
    {
      command: "mesh-node serve files='stdio:npx -y @modelcontextprotocol/server-filesystem /srv/files'",
      describe: 'a program, such as an MCP server, started for each tunnel; mesh-node nc is its input and output'
    }
  ],
  handler: async (input, context) => {
    const { name, address } = parseBinding(input.argument(0))
    const allow = input.list('allow').flatMap((text) => text.split(',').map((one) => one.trim()))
    const check = readCheck(input)
    const weight = input.count('weight', 1, limits.serviceWeight)
    const proxyProtocol = input.has('proxyProtocol') ? true : input.isOff('proxyProtocol') ? false : undefined
    const request = {
      address,
      capabilities: input.list('capability'),
      replace: input.has('replace'),
      ...(allow.length === 0 ? {} : { allow }),
      ...(check === undefined ? {} : { check }),
      ...(weight === undefined ? {} : { weight }),
      ...(proxyProtocol === undefined ? {} : { proxyProtocol })
    }
    const served = await context.waiting(
      'telling the network',
      context.ask((client) => client.serve(name, request))
    )
    const member = context.isJson ? '' : (await context.ask((client) => client.network())).name
    context.print(served, () => [
      `${served.service.name} is ${served.service.address}; the record of this agent is ${describePublication(served.publication)}.`,
      `Who may open it: ${served.service.rule ?? '-'}.`,
      `Checks: ${describeCheck(served.service)}; weight ${served.service.weight ?? 1}.`,
      ...(served.service.proxyProtocol === true
        ? ['It is told who calls by a header of the PROXY protocol, version 2.']
        : []),
      'Another member uses it with:',
      ...served.service.capabilities.map((capability) => `mesh-node find ${capability}`),
      useCommand(served, member)
    ])
  }
}
