import { formatDuration } from '@agent-mesh/node/units'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import type { Input } from '../input.ts'
import type { Direction } from '../bench/run.ts'

const directions: readonly Direction[] = ['up', 'down', 'both']

const defaultSeconds = 3

const usage = (message: string, context: Context): MeshError =>
  new MeshError('USAGE', message, { hint: context.here('bench --help') })

const directionOf = (input: Input, context: Context): Direction => {
  const text = input.text('direction') ?? 'both'
  const direction = directions.find((one) => one === text)
  if (direction === undefined) throw usage(`--direction is up, down or both, not "${text.slice(0, 200)}".`, context)
  return direction
}

const serveBench = async (input: Input, context: Context): Promise<void> => {
  const lifetimeMs = input.duration('for', 1_000, limits.benchMs) ?? limits.benchDefaultMs
  const isPlain = input.has('plain')
  const allow = input.list('allow').flatMap((text) => text.split(',').map((one) => one.trim()))
  const { holdBench } = await import('../bench/hold.ts')
  await holdBench(context, {
    allow,
    isPlain,
    lifetimeMs,
    onReady: async ({ service }) => {
      const { name } = await context.ask((client) => client.network())
      const command = `mesh-node bench ${name}`
      context.print({ service, isPlain, lifetimeMs, command }, () => [
        `A bench is served for ${formatDuration(lifetimeMs)}, or until this command ends; others may fill this link meanwhile.`,
        `Who may open it: ${service.rule ?? '-'}.`,
        isPlain
          ? 'Who opens it may compare with plain TCP: a port is opened on the way to them, for who has its token.'
          : 'Nothing is opened beside the mesh; --plain does, for the comparison with plain TCP.',
        'Another member measures with:',
        command
      ])
    }
  })
}

const measure = async (target: string, input: Input, context: Context): Promise<void> => {
  if (target.includes('/') || target.startsWith('cap:'))
    throw new MeshError('TARGET_INVALID', `"${target.slice(0, 200)}" is not a member name or a peer id.`, {
      hint: context.here('bench <name>')
    })
  const seconds = input.count('seconds', 1, limits.benchSeconds) ?? defaultSeconds
  const direction = directionOf(input, context)
  const { findBench, findPlain, withForward } = await import('../bench/peer.ts')
  const { ratiosOf, runOn } = await import('../bench/run.ts')
  const { cpuSecondsOf } = await import('../bench/hold.ts')
  const { benchLines } = await import('../bench/report.ts')
  const say = (step: string): void => context.note(step)
  const { peerId, name } = await context.waiting(`asking ${target} for its bench`, findBench(target, context))
  const { peerId: self } = await context.ask((client) => client.network())
  const document = await withForward(peerId, context, async (over) => {
    const cpuHere = async (): Promise<number | undefined> => cpuSecondsOf(context)
    const mesh = await runOn(over, 'mesh', { seconds, direction, say, cpuHere })
    const peer = (await context.ask((client) => client.peers())).find((one) => one.peerId === peerId)
    const way = await findPlain(over, self, peer)
    const plain = 'reason' in way ? undefined : await runOn(way, 'plain TCP', { seconds, direction, say })
    return {
      peerId,
      ...(name === undefined ? {} : { name }),
      ...(peer?.path === undefined ? {} : { path: peer.path }),
      seconds,
      mesh,
      ...(plain === undefined ? {} : { plain, ratios: ratiosOf(mesh, plain) }),
      ...('reason' in way ? { noPlain: way.reason } : {})
    }
  })
  context.print(document, () => benchLines(document))
}

export const bench: Command = {
  command: 'bench',
  describe: 'Measure streams, requests and short connections to another node, beside plain TCP where that offers it.',
  arguments: [{ name: '[target]', describe: 'member name or peer id of a node that runs mesh-node bench --serve' }],
  options: [
    { flags: '--seconds <number>', describe: `of each measurement; ${defaultSeconds} without it` },
    { flags: '--direction <which>', describe: 'of the streams: up (from here), down or both; both without it' },
    { flags: '--serve', describe: 'let others measure against this node, until a signal or the end of --for' },
    {
      flags: '--for <duration>',
      describe: `how long it is served; ${formatDuration(limits.benchDefaultMs)} without it`
    },
    {
      flags: '--allow <subject>',
      describe: 'who may, with --serve: member name, peer id, group:<name> or members; several with commas',
      isRepeatable: true
    },
    {
      flags: '--plain',
      describe: 'with --serve: open a port for plain TCP as well, on the address that the other node is connected to'
    }
  ],
  examples: [
    { command: 'mesh-node bench --serve --plain', describe: 'on bob: be measured against for ten minutes' },
    { command: 'mesh-node bench bob', describe: 'on another node: measure, and compare with plain TCP' },
    { command: 'mesh-node bench bob --direction down --seconds 10', describe: 'one direction, for longer' },
    { command: 'mesh-node bench bob --json | jq .ratios', describe: 'for a script' },
    { command: 'mesh-node bench --serve --for 1h --allow alice', describe: 'for one member alone' }
  ],
  handler: async (input, context) => {
    const target = input.optionalArgument(0)
    const isServing = input.has('serve')
    if (isServing === (target !== undefined))
      throw usage('A bench needs the name of another node, or --serve, and not both.', context)
    const misplaced = isServing
      ? ['seconds', 'direction'].find((one) => input.text(one) !== undefined)
      : ['for', 'plain', 'allow'].find((one) => input.text(one) ?? (input.has(one) || input.list(one).length > 0))
    if (misplaced !== undefined) throw usage(`--${misplaced} goes ${isServing ? 'without' : 'with'} --serve.`, context)
    if (target === undefined) await serveBench(input, context)
    else await measure(target, input, context)
  }
}
