import { setTimeout as delay } from 'node:timers/promises'
import type { PingResponse } from '@agent-mesh/wire/api'
import { MeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatMs } from '../text.ts'

interface Tally {
  replies: PingResponse[]
  failures: MeshError[]
}

const say = (context: Context, line: string): void => {
  if (!context.isJson) context.print(undefined, () => [printable(line, 1_000)])
}

const pingOnce = async (
  request: { target: string; timeoutMs?: number; isWaitingForBetter?: boolean },
  context: Context,
  { replies, failures }: Tally
): Promise<void> => {
  try {
    const reply = await context.waiting(
      'waiting for an answer',
      context.ask((client) => client.ping(request))
    )
    replies.push(reply)
    const why = reply.pathReason === undefined ? '' : ` (${reply.pathReason})`
    say(context, `${reply.name ?? reply.peerId} answered over ${reply.path} in ${formatMs(reply.rttMs)}${why}`)
  } catch (err) {
    if (!(err instanceof MeshError) || err.layer === 'usage' || err.layer === 'api') throw err
    failures.push(err)
    say(context, `no answer (${err.code}): ${err.message}`)
  }
}

const summary = ({ replies, failures }: Tally, target: string): Record<string, unknown> => {
  const times = replies.map(({ rttMs }) => rttMs)
  const last = replies.at(-1)
  return {
    target,
    ...(last === undefined
      ? {}
      : { peerId: last.peerId, ...(last.name === undefined ? {} : { name: last.name }), path: last.path }),
    sent: replies.length + failures.length,
    received: replies.length,
    rttMs: times,
    ...(times.length === 0
      ? {}
      : { minMs: Math.min(...times), meanMs: times.reduce((a, b) => a + b) / times.length, maxMs: Math.max(...times) })
  }
}

const stillRelayed = ({ replies }: Tally, target: string): MeshError => {
  const why = replies.at(-1)?.pathReason
  return new MeshError(
    'UNREACHABLE',
    `${target} is still reached through a relay alone${why === undefined ? '' : `: ${why}`}.`,
    {
      hint: `mesh-node why ${target}`
    }
  )
}

export const ping: Command = {
  command: 'ping',
  describe: 'Measure round trips to an agent.',
  arguments: [{ name: '<target>', describe: 'member name or peer id' }],
  options: [
    { flags: '-c, --count <number>', describe: 'how many; 4 without it, 60 with --until-direct' },
    { flags: '--until-direct', describe: 'go on until no relay is on the path; fails where one still is' },
    { flags: '--interval <duration>', describe: 'pause between two; 1s without it' },
    { flags: '--timeout <duration>', describe: 'longest wait for each' }
  ],
  examples: [
    { command: 'mesh-node ping bob -c 10', describe: 'ten round trips; fails where none came back' },
    { command: 'mesh-node ping bob --until-direct', describe: 'waits until the path needs no relay' }
  ],
  handler: async (input, context) => {
    const isUntilDirect = input.has('untilDirect')
    const count = input.count('count', 1, 10_000) ?? (isUntilDirect ? 60 : 4)
    const intervalMs = input.duration('interval', 0, 3_600_000) ?? 1_000
    const timeoutMs = input.duration('timeout', 100, 60_000)
    const target = input.argument(0)
    const tally: Tally = { replies: [], failures: [] }
    const request = {
      target,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(isUntilDirect ? { isWaitingForBetter: true } : {})
    }
    const isDirect = (): boolean => (tally.replies.at(-1)?.path ?? 'relayed') !== 'relayed'
    for (let sent = 0; sent < count; sent++) {
      if (sent > 0) await delay(intervalMs)
      await pingOnce(request, context, tally)
      if (isUntilDirect && isDirect()) break
    }
    const [failure] = tally.failures
    if (tally.replies.length === 0 && failure !== undefined) throw failure
    if (isUntilDirect && !isDirect()) throw stillRelayed(tally, target)
    context.print(summary(tally, target), () => [
      `${tally.replies.length} of ${tally.replies.length + tally.failures.length} answered`
    ])
  }
}
