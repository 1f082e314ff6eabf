import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onCleanup, watchPid } from '../../e2e/harness/cleanup.ts'
import type { Elsewhere } from '@agent-mesh/testkit'

/** More members by their names, the first of all or such as start from others; or only the figures. */
export type MembersRequest = { names: string[]; from?: Elsewhere } | Record<string, never>

/** What a process of members knows of them. */
export interface MembersFigures {
  from: Elsewhere
  /** How many others the least informed of its members sees alive. */
  fewestLiving: number
  /** Of all its sockets so far. */
  sentBytes: number
  /** Of the whole process so far, user and system. */
  cpuSeconds: number
}

export interface MembersProcess {
  add: (names: string[], from?: Elsewhere) => Promise<MembersFigures>
  figures: () => Promise<MembersFigures>
  end: () => Promise<void>
}

const isError = (answer: unknown): answer is { error: string } =>
  typeof answer === 'object' && answer !== null && 'error' in answer

/** A process for members of a mesh: many of them share it, so that a machine holds more of them. */
export const startMembers = (): MembersProcess => {
  const child = fork(join(import.meta.dirname, 'members-program.ts'), { execArgv: [] })
  const forget = watchPid(child.pid ?? 0)
  const exited = once(child, 'exit').then(forget)
  const lost = exited.then((): never => {
    throw new Error('a process of members has ended')
  })
  lost.catch(() => {})
  const end = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    await exited
  }
  onCleanup(end)
  const ask = async (request: MembersRequest): Promise<MembersFigures> => {
    const answered = once(child, 'message')
    child.send(request)
    const [answer]: unknown[] = await Promise.race([answered, lost])
    if (isError(answer)) throw new Error(answer.error)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program beside us sends it
    return answer as MembersFigures
  }
  return {
    add: async (names, from) => ask({ names, ...(from === undefined ? {} : { from }) }),
    figures: async () => ask({}),
    end
  }
}
