import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLab, whyNot, type Lab, type LabAbility } from '@agent-mesh/testkit/lab'
import { Network, type Member } from './member.ts'

/** One thing that was measured, and what it has to be. */
export interface Row {
  what: string
  seen: string
  bar: string
  isMet: boolean
}

/** What happens to real nodes in a lab. */
export interface Scenario {
  /** One sentence. */
  about: string
  needs: readonly LabAbility[]
  run: (scene: Scene) => Promise<void>
}

/** Where a scenario runs: a lab of its own, and a network without members. */
export class Scene {
  readonly lab: Lab
  readonly network: Network
  /** Whether it is run whole, or in the form that is short enough for every change. */
  readonly isFull: boolean
  readonly rows: Row[] = []
  readonly folder: string
  readonly #undo: Array<() => unknown> = []
  readonly #say: (row: Row) => void

  constructor(isFull: boolean, say: (row: Row) => void = () => {}) {
    this.isFull = isFull
    this.#say = say
    this.folder = mkdtempSync(join(tmpdir(), 'mesh-lab-'))
    const remove = (): void => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    process.once('exit', remove)
    this.onEnd(() => {
      remove()
      process.off('exit', remove)
    })
    this.lab = createLab()
    this.onEnd(() => this.lab.close())
    this.network = new Network(this.folder)
    this.onEnd(async () => this.network.stop())
  }

  /** Done when the scenario ends, however it ends; the last one first. */
  onEnd(undo: () => unknown): void {
    this.#undo.push(undo)
  }

  /** Notes what was measured. */
  note(what: string, seen: string, bar: string, isMet: boolean): void {
    const row = { what, seen, bar, isMet }
    this.rows.push(row)
    this.#say(row)
  }

  /** Notes a time that has to be within a bar; undefined where it did not come about. */
  noteMs(what: string, ms: number | undefined, mostMs: number): void {
    const seen = ms === undefined ? `not within ${mostMs / 1_000} s` : `${(ms / 1_000).toFixed(1)} s`
    this.note(what, seen, `at most ${mostMs / 1_000} s`, ms !== undefined && ms <= mostMs)
  }

  async end(): Promise<void> {
    for (const undo of this.#undo.splice(0).toReversed()) await undo()
  }
}

/** Waits until something is so. @returns after how many milliseconds, undefined where it was not in time */
export const until = async (
  isSo: () => Promise<boolean> | boolean,
  withinMs: number,
  everyMs = 100
): Promise<number | undefined> => {
  const beganMs = performance.now()
  for (;;) {
    if (await isSo()) return performance.now() - beganMs
    if (performance.now() - beganMs > withinMs) return undefined
    await pause(everyMs)
  }
}

/** How long a fault lasts is part of a scenario. */
export const pause = async (ms: number): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** @throws Error where two members do not reach each other by one of these paths */
export const untilPath = async (
  from: Member,
  to: Member,
  paths: readonly string[],
  withinMs = 45_000
): Promise<number> => {
  const ms = await until(async () => {
    await from.client.dial({ target: to.peerId, timeoutMs: 5_000 }).catch(() => undefined)
    return paths.includes(await from.path(to))
  }, withinMs)
  if (ms === undefined) {
    const { pathReason = 'no reason', path = 'none' } = (await from.peer(to)) ?? {}
    throw new Error(`${from.name} reaches ${to.name} ${path}, not ${paths.join(' or ')}: ${pathReason}.`)
  }
  return ms
}

/** Why a scenario cannot be run here; undefined where it can. */
export const whyNotHere = ({ needs }: Scenario): string | undefined => whyNot(...needs)

/** Runs a scenario to its end, and ends everything that it started. */
export const play = async (scenario: Scenario, isFull: boolean, say?: (row: Row) => void): Promise<Row[]> => {
  const scene = new Scene(isFull, say)
  try {
    await scenario.run(scene)
  } catch (err) {
    for (const { name, log } of scene.network.members)
      process.stderr.write(`--- ${name}\n${log.slice(-15).join('\n')}\n`)
    throw err
  } finally {
    await scene.end()
  }
  return scene.rows
}
