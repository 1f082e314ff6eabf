import { setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/wire/errors'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { stopDeadlineMs } from '../stop-deadline.ts'

const pollMs = 50

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (err) {
    return err instanceof Error && 'code' in err && err.code === 'EPERM'
  }
}

const answers = async (context: Context): Promise<boolean> => {
  try {
    await context.ask((client) => client.network({ signal: AbortSignal.timeout(1_000) }))
    return true
  } catch (err) {
    return !(err instanceof MeshError && err.code === 'NO_DAEMON')
  }
}

const untilGone = async (pid: number, context: Context, deadlineMs: number): Promise<void> => {
  const endMs = performance.now() + deadlineMs
  while (isAlive(pid) || (await answers(context))) {
    if (performance.now() > endMs)
      throw new MeshError('TIMEOUT', `The node with pid ${pid} is still there after ${deadlineMs / 1_000} s.`, {
        hint: `kill ${pid}`
      })
    await delay(pollMs)
  }
}

export const down: Command = {
  command: 'down',
  describe: 'Stop the node: it says goodbye, lets open tunnels finish, and is gone when this command ends.',
  options: [
    {
      flags: '--timeout <duration>',
      describe: 'how long to wait for it; its drain_timeout and 10s without it'
    }
  ],
  examples: [{ command: 'mesh-node down', describe: 'stop the node of the default state directory' }],
  handler: async (input, context) => {
    const { settings } = await context.ask((client) => client.status())
    const deadlineMs = input.duration('timeout', 100, 3_600_000) ?? stopDeadlineMs(settings)
    const { pid } = await context.ask((client) => client.shutdown())
    await context.waiting('waiting for open tunnels to finish', untilGone(pid, context, deadlineMs))
    context.print({ stopped: true, pid }, () => ['Stopped. To start it again:', context.here('up')])
  }
}
