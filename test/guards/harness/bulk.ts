import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { z } from 'zod'
import { onCleanup, watchPid } from '../../e2e/harness/cleanup.ts'

const numbers = z.array(z.number())

/** Bulk whose ends are a process of their own. */
export interface Bulk {
  /** Of the source, which sends for ever to whoever has sent something. */
  sourcePort: number
  /** Reads from these ports as fast as it can. */
  read: (ports: number[]) => Promise<void>
  /** What each reader has got so far, in bytes. */
  counts: () => Promise<number[]>
}

export const startBulk = async (): Promise<Bulk> => {
  const child = fork(join(import.meta.dirname, 'bulk-program.ts'), { execArgv: [] })
  const forget = watchPid(child.pid ?? 0)
  child.once('exit', forget)
  onCleanup(() => {
    if (child.connected) child.disconnect()
  })
  const answer = async (): Promise<number[]> => numbers.parse((await once(child, 'message'))[0])
  const ask = async (ports: number[]): Promise<number[]> => {
    const answered = answer()
    child.send(ports)
    return answered
  }
  const [sourcePort = 0] = await answer()
  return { sourcePort, read: async (ports) => void (await ask(ports)), counts: async () => ask([]) }
}
