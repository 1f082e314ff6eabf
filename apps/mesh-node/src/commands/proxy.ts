import type { ProxyDocument } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { printSetup } from '../proxy-setup.ts'
import { table } from '../text.ts'

type Asked = Pick<ProxyDocument, 'kind' | 'listen'>

/** Proxies for people. */
export const proxiesTable = (proxies: ProxyDocument[]): string[] =>
  table(
    ['ID', 'KIND', 'LISTEN', 'KEPT', 'CLIENTS', 'TOTAL', 'FAILED', 'OUTSIDE', 'LAST ERROR'],
    proxies.map((one) => [
      one.id,
      one.kind,
      one.listen,
      one.isPersistent ? 'yes' : 'no',
      String(one.openConnections),
      String(one.totalConnections),
      String(one.failedRequests),
      one.allowOutside.join(', ') || '-',
      one.lastError === undefined ? '-' : `${one.lastError.code}: ${one.lastError.message}`
    ])
  )

const kindTexts = { socks: 'a SOCKS5 proxy', http: 'an HTTP proxy', dns: 'a DNS responder' }

const describeProxy = ({ kind, listen, suffix, isPersistent, allowOutside, hedge }: ProxyDocument): string[] => [
  `${printable(listen, 256)} is ${kindTexts[kind]} for names that end in .${suffix}${isPersistent ? ', also after a restart of the node' : ''}.`,
  ...(hedge === undefined ? [] : [`It asks a second agent of a capability after ${printable(hedge, 32)}.`]),
  ...(allowOutside.length === 0 ? [] : [`It also lets through: ${allowOutside.join(', ')}.`])
]

const holdOpen = async (proxies: ProxyDocument[], context: Context): Promise<void> => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  await context.ask(async (client) => {
    for await (const _ of client.events({ signal: stop.signal })) {
      /* only its end matters */
    }
  })
  if (!stop.signal.aborted)
    throw new MeshError('NO_DAEMON', 'The node stopped, and its proxies with it.', { hint: context.here('up') })
  for (const { id } of proxies) await context.ask((client) => client.removeProxy(id))
}

/** Only HTTP knows requests. */
const hedgeFor = ({ kind }: Asked, input: Input): { hedge?: string } => {
  const hedge = input.text('hedge')
  return hedge === undefined || kind !== 'http' ? {} : { hedge }
}

/** Opens all that was asked for, or none of it. */
const openAll = async (asked: Asked[], input: Input, context: Context): Promise<ProxyDocument[]> => {
  const opened: ProxyDocument[] = []
  const settings = {
    allowRemote: input.has('allowRemote'),
    allowOutside: input.list('allowOutside'),
    foreground: input.has('foreground')
  }
  try {
    for (const one of asked)
      opened.push(await context.ask((client) => client.addProxy({ ...one, ...settings, ...hedgeFor(one, input) })))
  } catch (err) {
    for (const { id } of opened) await context.ask((client) => client.removeProxy(id))
    throw err
  }
  return opened
}

const create = async (input: Input, context: Context): Promise<void> => {
  const asked: Asked[] = [
    ...input.list('socks').map((listen): Asked => ({ kind: 'socks', listen })),
    ...input.list('http').map((listen): Asked => ({ kind: 'http', listen })),
    ...input.list('dns').map((listen): Asked => ({ kind: 'dns', listen }))
  ]
  if (asked.length === 0) {
    throw new MeshError('USAGE', 'A proxy needs a local address.', {
      hint: context.here('proxy --socks 127.0.0.1:1080 --http 127.0.0.1:8118')
    })
  }
  if (input.text('hedge') !== undefined && !asked.some(({ kind }) => kind === 'http')) {
    throw new MeshError('USAGE', 'Only an HTTP proxy can ask a second agent: --hedge needs --http.', {
      hint: context.here('proxy --http 127.0.0.1:8118 --hedge 95p')
    })
  }
  const proxies = await context.waiting('opening the proxies', openAll(asked, input, context))
  context.print({ proxies }, () => [...proxies.flatMap(describeProxy), context.here('proxy --print-setup')])
  if (input.has('foreground')) await holdOpen(proxies, context)
}

export const proxy: Command = {
  command: 'proxy',
  describe:
    'Open proxies through which any program reaches agents by name. They are remembered until they are removed.',
  options: [
    {
      flags: '--socks <listen>',
      describe: 'SOCKS5 proxy on host:port or unix:/path; port 0 takes a free one',
      isRepeatable: true
    },
    {
      flags: '--http <listen>',
      describe: 'HTTP proxy on host:port or unix:/path; port 0 takes a free one',
      isRepeatable: true
    },
    {
      flags: '--dns <listen>',
      describe: 'DNS responder on host:port, for programs without settings of a proxy; port 0 takes a free one',
      isRepeatable: true
    },
    { flags: '--allow-remote', describe: 'let other machines reach it; they then act as this node' },
    {
      flags: '--allow-outside <pattern>',
      describe: 'let names outside the mesh through: example.com, *.example.com, example.com:443',
      isRepeatable: true
    },
    {
      flags: '--hedge <delay>',
      describe: 'ask a second agent of a capability beside one that is slower than 95p of the answers, or than 200ms'
    },
    { flags: '--list', describe: 'show the proxies of this node' },
    { flags: '--remove <id>', describe: 'close a proxy, named by its id or its local address' },
    { flags: '--print-setup', describe: 'print what makes programs use the proxies of this node' },
    { flags: '--foreground', describe: 'hold the proxies open until a signal, and do not remember them' }
  ],
  examples: [
    {
      command: 'mesh-node proxy --socks 127.0.0.1:1080 --http 127.0.0.1:8118',
      describe: 'for all programs of this machine'
    },
    { command: 'curl --proxy http://127.0.0.1:8118 http://web.bob.mesh/', describe: 'an agent by name' },
    { command: 'eval "$(mesh-node proxy --print-setup | grep ^export)"', describe: 'for all that this shell starts' },
    {
      command: 'mesh-node proxy --dns 127.0.0.1:5300',
      describe: 'names for programs that know no proxy; --print-setup says what the system has to be told once'
    },
    { command: 'mesh-node proxy --remove 127.0.0.1:1080', describe: 'close one' }
  ],
  handler: async (input, context) => {
    const removed = input.text('remove')
    if (removed !== undefined) {
      const closed = await context.ask((client) => client.removeProxy(removed))
      context.print(closed, () => [`${closed.listen} is no proxy any more.`])
    } else if (input.has('list') || input.has('printSetup')) {
      const proxies = await context.ask((client) => client.proxies())
      const lines = input.has('printSetup') ? printSetup : proxiesTable
      context.print({ proxies }, () =>
        proxies.length === 0
          ? ['No proxy is open. To open two:', context.here('proxy --socks 127.0.0.1:1080 --http 127.0.0.1:8118')]
          : lines(proxies)
      )
    } else {
      await create(input, context)
    }
  }
}
