import { resolve } from 'node:path'
import type { RunningNode } from '@agent-mesh/node'
import { errorKinds } from '@agent-mesh/wire/errors'
import { inertJson } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { stopDeadlineMs } from '../stop-deadline.ts'
import { fields } from '../text.ts'

/** How long something that was left open may keep a stopped process alive. */
const lingerMs = 100

const flagsOf = (input: Input): Record<string, string | string[] | boolean> => {
  const logLevel = input.text('logLevel')
  const lists = ['listen', 'announce', 'bootstrap', 'carrier'].map((name): [string, string[]] => [
    name,
    input.list(name)
  ])
  return {
    ...Object.fromEntries(lists.filter(([, list]) => list.length > 0)),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(input.has('directOnly') ? { directOnly: true } : {})
  }
}

const start = async (input: Input, context: Context): Promise<RunningNode> => {
  const [{ startNode }, { pino }] = await Promise.all([import('@agent-mesh/node'), import('pino')])
  const configFile = input.text('config')
  const directory = await context.openStateDir()
  const starting = startNode(directory, {
    ...(configFile === undefined ? {} : { configFile: resolve(configFile) }),
    flags: flagsOf(input),
    env: context.env,
    logger: pino(
      { base: null, hooks: { streamWrite: (line) => `${inertJson(line.trimEnd())}\n` } },
      pino.destination({ dest: 2, sync: true })
    )
  })
  return context.waiting('starting', starting)
}

/** The first signal asks the node to stop, the second ends the process at once. */
const onSignals = (stop: () => void): void => {
  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const
  let isAsked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isAsked) process.exit(128 + numbers[signal])
      isAsked = true
      stop()
    })
  }
}

const giveUp = (): void => {
  process.stderr.write('mesh-node: The node did not stop in time; its process ends now.\n')
  process.exit(errorKinds.TIMEOUT.exit)
}

/** Stops the node, and ends the process where that takes longer than it may. */
const stopInTime = async (node: RunningNode): Promise<void> => {
  const settings = await node.status().then(
    (status) => status.settings,
    () => undefined
  )
  setTimeout(giveUp, stopDeadlineMs(settings)).unref()
  await node.stop()
}

const run = async (input: Input, context: Context): Promise<void> => {
  const started = Promise.withResolvers<RunningNode>()
  started.promise.catch(() => {})
  // Asked before it was ready, it stops as soon as it is. A failed start is told below.
  onSignals(() => void started.promise.then(stopInTime, () => {}))
  const node = await start(input, context).catch((err: unknown) => {
    started.reject(err)
    throw err
  })
  started.resolve(node)
  const { peerId, name, network, addresses, api } = node.ready
  context.print({ event: 'ready', peerId, name, network, addresses, api }, () => [
    ...fields([
      ['name', name],
      ['peer id', peerId],
      ['network', network],
      ['addresses', addresses.length === 0 ? '-' : addresses],
      ['local API', api]
    ]),
    'Ready. On another member of the network:',
    `mesh-node dial ${name}`
  ])
  await node.stopped
  context.print({ event: 'stopped' }, () => ['Stopped.'])
  setTimeout(() => process.exit(), lingerMs).unref()
}

export const up: Command = {
  command: 'up',
  describe: 'Run the node in the foreground, until a signal or mesh-node down. Log lines are JSON on stderr.',
  options: [
    { flags: '--config <file>', describe: 'settings in YAML, see docs/reference/config.md' },
    { flags: '--listen <multiaddr>', describe: 'address to bind, as /ip4/0.0.0.0/tcp/4001', isRepeatable: true },
    {
      flags: '--announce <multiaddr>',
      describe: 'address to tell others instead of the bound ones',
      isRepeatable: true
    },
    {
      flags: '--bootstrap <multiaddr>',
      describe: 'member to connect to at start, with its /p2p/<peer id>',
      isRepeatable: true
    },
    {
      flags: '--carrier <multiaddr>',
      describe: 'relay of another libp2p network to be reached through, with its /p2p/<peer id>, as relay.carriers',
      isRepeatable: true
    },
    { flags: '--direct-only', describe: 'open no tunnel through a relay, as paths.direct_only' },
    {
      flags: '--log-level <level>',
      describe: 'least severe event that is logged: silent, error, warn, info, debug, trace'
    }
  ],
  examples: [
    { command: 'mesh-node up', describe: 'run the node; Ctrl-C stops it, twice at once' },
    { command: 'mesh-node up --listen /ip4/127.0.0.1/tcp/0', describe: 'on this machine only' },
    {
      command: 'mesh-node up --config /etc/mesh-node/mesh.yaml --json',
      describe: 'under a supervisor: one line when it is usable, one when it has stopped'
    }
  ],
  handler: run
}
