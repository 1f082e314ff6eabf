import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createClient, type Client } from '@agent-mesh/client'
import type { AddOptions, Elsewhere } from '@agent-mesh/testkit'
import { onCleanup, watchPid } from '../../e2e/harness/cleanup.ts'

/** A new member: its name, and what it publishes from the start. */
export interface NewMember extends Pick<AddOptions, 'capabilities'> {
  name: string
}

/** More members, the first of all or such as start from others; a cut between groups of names; or only the figures. */
export type MembersRequest =
  | { is: 'add'; members: NewMember[]; from?: Elsewhere }
  | { is: 'split'; all: Array<{ name: string; peerId: string }>; groups: string[][] }
  | { is: 'figures' }

/** What a process of members knows of them. */
export interface MembersFigures {
  from: Elsewhere
  members: Array<{ name: string; peerId: string; api: string }>
  /** How many others the least informed of its members sees alive. */
  fewestLiving: number
  /** Of all its sockets so far. */
  sentBytes: number
  /** Of the whole process so far, user and system. */
  cpuSeconds: number
}

/** One of the members, by the API that programs use. */
export interface SharedMember {
  name: string
  node: Client
}

interface MembersProcess {
  ask: (request: MembersRequest) => Promise<MembersFigures>
  end: () => Promise<void>
}

const isError = (answer: unknown): answer is { error: string } =>
  typeof answer === 'object' && answer !== null && 'error' in answer

const startProcess = (): MembersProcess => {
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
  return {
    ask: async (request) => {
      const answered = once(child, 'message')
      child.send(request)
      const [answer]: unknown[] = await Promise.race([answered, lost])
      if (isError(answer)) throw new Error(answer.error)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program beside us sends it
      return answer as MembersFigures
    },
    end
  }
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const restMs = 10_000
/**
 * So many join, and then the machine may come to rest: a hundred nodes that all join on two cores answer each other too late,
 * give up, try again, and never come to an end.
 */
const membersPerStage = 20
const restBetweenMs = 120_000
const restBetweenCores = 1.4

/** Members of one mesh, shared out among some processes so that a machine holds many of them. */
export class SharedCrowd {
  readonly #processes: MembersProcess[]
  /** In the order of their names. */
  readonly members: SharedMember[]
  readonly #known: Array<{ name: string; peerId: string }>

  private constructor(processes: MembersProcess[], members: MembersFigures['members']) {
    this.#processes = processes
    this.#known = members.map(({ name, peerId }) => ({ name, peerId }))
    this.members = members.map(({ name, api }) => ({ name, node: createClient({ socketPath: api }) }))
  }

  /** All from one bootstrap: the first. @param among - how many processes */
  static async of(wanted: readonly NewMember[], among = 4): Promise<SharedCrowd> {
    const [founder, ...others] = wanted
    if (founder === undefined) throw new Error('a crowd has at least one member')
    const processes = Array.from({ length: Math.min(among, wanted.length) }, startProcess)
    const [first] = processes
    const { from } = (await first?.ask({ is: 'add', members: [founder] })) ?? {}
    const crowd = new SharedCrowd(processes, [])
    const total = others.length
    while (others.length > 0) {
      const joined = total - others.length
      if (joined > 0 && joined % membersPerStage === 0) await crowd.rests(restBetweenCores, restBetweenMs)
      const batch = others.splice(0, processes.length)
      await Promise.all(
        batch.map(async (one, at) => {
          const process = processes[at]
          await process?.ask({
            is: 'add',
            members: [one],
            ...(process === first || from === undefined ? {} : { from })
          })
        })
      )
    }
    const figures = await Promise.all(processes.map(async (one) => one.ask({ is: 'figures' })))
    const order = new Map(wanted.map(({ name }, at) => [name, at]))
    const placeOf = ({ name }: { name: string }): number => order.get(name) ?? 0
    const all = figures.flatMap(({ members }) => members).toSorted((a, b) => placeOf(a) - placeOf(b))
    return new SharedCrowd(processes, all)
  }

  async figures(): Promise<MembersFigures[]> {
    return Promise.all(this.#processes.map(async (one) => one.ask({ is: 'figures' })))
  }

  async sum(of: 'sentBytes' | 'cpuSeconds'): Promise<number> {
    return (await this.figures()).reduce((all, one) => all + one[of], 0)
  }

  /** Waits until all processes together use fewer cores than this, over ten seconds. @returns whether they did */
  async rests(mostCores: number, withinMs: number): Promise<boolean> {
    const endMs = performance.now() + withinMs
    while (performance.now() < endMs) {
      const [before, startedMs] = [await this.sum('cpuSeconds'), performance.now()]
      await pause(restMs)
      const cores = (((await this.sum('cpuSeconds')) - before) * 1_000) / (performance.now() - startedMs)
      if (cores < mostCores) return true
    }
    return false
  }

  /** Breaks the connections between groups of names and refuses new ones. */
  async split(...groups: string[][]): Promise<void> {
    await Promise.all(this.#processes.map(async (one) => one.ask({ is: 'split', all: this.#known, groups })))
  }

  async heal(): Promise<void> {
    await this.split()
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map(async (one) => one.end()))
  }
}
