import { setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/wire/errors'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import { sortKeys, type Snapshot, type SortKey } from '../top/rows.ts'
import { Screen } from '../top/screen.ts'
import { renderTop, topDocument } from '../top/view.ts'

/** First letters choose what is sorted by; of state and name, rtt, loss, tunnels, bytes, lag. */
const keys: Record<string, SortKey> = {
  s: 'state',
  n: 'name',
  r: 'rtt',
  l: 'loss',
  t: 'tunnels',
  b: 'traffic',
  g: 'load'
}

const footer = 'q quit   sort by: s state  n name  r rtt  l loss  t tunnels  b bytes  g lag'

const [interruptKey, suspendKey] = ['\u0003', '\u001A']

const take = async (context: Context): Promise<Snapshot> => {
  const [status, peers] = await context.ask(async (client) => Promise.all([client.status(), client.peers()]))
  return { atMs: Date.now(), status, peers }
}

const readSort = (input: Input): SortKey => {
  const text = input.text('sort') ?? 'state'
  const found = sortKeys.find((key) => key === text)
  if (found === undefined)
    throw new MeshError('USAGE', `--sort is one of ${sortKeys.join(', ')}, not "${text}".`, {
      hint: 'mesh-node top --help'
    })
  return found
}

const printOnce = async (context: Context, sort: SortKey, intervalMs: number): Promise<void> => {
  const before = await context.waiting('asking the node', take(context))
  await delay(intervalMs)
  const now = await context.waiting('asking the node', take(context))
  context.print(topDocument(now, before, sort), () => renderTop(now, before, { sort, isColoured: false }))
}

/** Shows the node until somebody ends it. */
const watch = async (context: Context, firstSort: SortKey, intervalMs: number): Promise<void> => {
  let sort = firstSort
  let now = await context.waiting('asking the node', take(context))
  let before: Snapshot | undefined
  const { stdin, stdout } = process
  const screen = new Screen(stdout, stdin)
  const end = new AbortController()
  const stop = (): void => end.abort()
  const draw = (): void => {
    const { columns, lines } = screen
    const isColoured = stdout.hasColors() && process.env['NO_COLOR'] === undefined
    const shown = renderTop(now, before, { sort, columns, lines, isColoured })
    screen.draw([...shown, '', footer.slice(0, columns)])
  }
  const resume = (): void => {
    screen.open()
    draw()
  }
  const suspend = (): void => {
    screen.close()
    process.kill(process.pid, 'SIGTSTP')
  }
  const press = (key: string): void => {
    if (key === 'q' || key === interruptKey) stop()
    else if (key === suspendKey) suspend()
    else if (keys[key] !== undefined) {
      sort = keys[key]
      draw()
    }
  }
  // Keys that were pressed together come together.
  const onKeys = (typed: Buffer): void => Array.from(typed.toString()).forEach(press)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, stop)
  process.on('SIGCONT', resume)
  stdout.on('resize', draw)
  stdin.on('data', onKeys).on('end', stop)
  try {
    resume()
    while (!end.signal.aborted) {
      await delay(intervalMs, undefined, { signal: end.signal }).catch(() => {})
      if (end.signal.aborted) break
      const next = await take(context)
      ;[before, now] = [now, next]
      draw()
    }
  } finally {
    screen.close()
    stdin.off('data', onKeys).off('end', stop).pause()
    stdout.off('resize', draw)
    process.off('SIGCONT', resume)
    for (const signal of signals) process.off(signal, stop)
  }
}

export const top: Command = {
  command: 'top',
  describe:
    'Watch the members live: state, since when and why, path, round trip, loss, tunnels, bytes per second, load.',
  options: [
    { flags: '--once', describe: 'print it once and end, as it does anyway where the output is no terminal' },
    { flags: '--sort <column>', describe: `one of ${sortKeys.join(', ')}; state without it, the worst first` },
    { flags: '--interval <duration>', describe: 'pause between two looks; 1s without it' }
  ],
  examples: [
    { command: 'mesh-node top', describe: 'until q or Ctrl-C' },
    { command: 'mesh-node top --once --sort traffic', describe: 'who moves the most, over one second' },
    { command: 'mesh-node top --json | jq .members[].state', describe: 'once, for a program' }
  ],
  handler: async (input, context) => {
    const sort = readSort(input)
    const intervalMs = input.duration('interval', 100, 3_600_000) ?? 1_000
    const isLive = process.stdout.isTTY && process.stdin.isTTY && !input.has('once') && !context.isJson
    await (isLive ? watch(context, sort, intervalMs) : printOnce(context, sort, intervalMs))
  }
}
