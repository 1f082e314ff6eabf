import type { ForwardDocument } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { shellWord, table } from '../text.ts'

const keepsText = ({ isPersistent }: ForwardDocument): string => (isPersistent ? 'yes' : 'no')

/** Forwards for people. */
export const forwardsTable = (forwards: ForwardDocument[]): string[] =>
  table(
    ['ID', 'LISTEN', 'TARGET', 'KEPT', 'OPEN', 'TOTAL', 'LAST ERROR'],
    forwards.map((one) => [
      one.id,
      one.listen,
      one.target,
      keepsText(one),
      String(one.openTunnels),
      String(one.totalTunnels),
      one.lastError === undefined ? '-' : `${one.lastError.code}: ${one.lastError.message}`
    ])
  )

/** A local address as a client on this machine names it. */
const reachable = (listen: string): { host: string; port: string } => {
  const colon = listen.lastIndexOf(':')
  const host = listen.slice(0, colon)
  const isAny = host === '0.0.0.0' || host === '[::]' || host === ''
  return { host: isAny ? '127.0.0.1' : host, port: listen.slice(colon + 1) }
}

/** The command that uses a forward. */
const useCommand = ({ listen, kind }: ForwardDocument): string => {
  const shown = printable(listen, 256)
  if (shown.startsWith('unix:')) {
    const path = shellWord(shown.slice('unix:'.length))
    return kind === undefined || kind === 'http' ? `curl --unix-socket ${path} http://localhost/` : `nc -U ${path}`
  }
  const { host, port } = reachable(shown)
  const commands = {
    http: `curl http://${host}:${port}/`,
    grpc: `grpcurl -plaintext ${host}:${port} list`,
    ssh: `ssh -p ${port} <user>@${host}`,
    tcp: `nc ${host} ${port}`,
    stdio: `nc ${host} ${port}`
  }
  return commands[kind ?? 'http']
}

const describeForward = (forward: ForwardDocument): string[] => [
  `${printable(forward.listen, 256)} leads to ${printable(forward.target, 256)}${forward.isPersistent ? ', also after a restart of the node' : ''}.`,
  useCommand(forward)
]

/** Until a signal, or until the node is gone. */
const holdOpen = async (forward: ForwardDocument, context: Context): Promise<void> => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  await context.ask(async (client) => {
    for await (const _ of client.events({ signal: stop.signal })) {
      /* only its end matters */
    }
  })
  if (!stop.signal.aborted)
    throw new MeshError('NO_DAEMON', `The node stopped, and the forward on ${forward.listen} with it.`, {
      hint: context.here('up')
    })
  await context.ask((client) => client.removeForward(forward.id))
}

const create = async (input: Input, context: Context): Promise<void> => {
  const [listen, target] = [input.optionalArgument(0), input.optionalArgument(1)]
  if (listen === undefined || target === undefined) {
    throw new MeshError('USAGE', 'A forward needs a local address and a target.', {
      hint: context.here('forward 127.0.0.1:0 <name>/<service>')
    })
  }
  const foreground = input.has('foreground')
  const forward = await context.waiting(
    'opening the forward',
    context.ask((client) => client.addForward({ listen, target, foreground }))
  )
  context.print(forward, () => describeForward(forward))
  if (foreground) await holdOpen(forward, context)
}

export const forward: Command = {
  command: 'forward',
  describe: 'Bind a local address that leads to a service of another agent. It is remembered until it is removed.',
  arguments: [
    { name: '[listen]', describe: 'host:port or unix:/path; port 0 takes a free one and keeps it' },
    { name: '[target]', describe: '<name>/<service>, <peer id>/<service> or cap:<path>' }
  ],
  options: [
    { flags: '--list', describe: 'show the forwards of this node' },
    { flags: '--remove <id>', describe: 'close a forward, named by its id or its local address' },
    { flags: '--foreground', describe: 'hold the forward open until a signal, and do not remember it' }
  ],
  examples: [
    { command: 'mesh-node forward 127.0.0.1:0 bob/web', describe: 'reach the service web of bob on a free local port' },
    { command: 'mesh-node forward 127.0.0.1:8080 cap:language_processing/translation', describe: 'whoever translates' },
    { command: 'mesh-node forward --list', describe: 'what is open, and what went wrong last' },
    { command: 'mesh-node forward --remove 127.0.0.1:8080', describe: 'close it' }
  ],
  handler: async (input, context) => {
    const removed = input.text('remove')
    if (removed !== undefined) {
      const closed = await context.ask((client) => client.removeForward(removed))
      context.print(closed, () => [`${closed.listen} no longer leads to ${closed.target}.`])
    } else if (input.has('list')) {
      const forwards = await context.ask((client) => client.forwards())
      context.print({ forwards }, () =>
        forwards.length === 0
          ? ['No forward is open. To open one:', context.here('forward 127.0.0.1:0 <name>/<service>')]
          : forwardsTable(forwards)
      )
    } else {
      await create(input, context)
    }
  }
}
