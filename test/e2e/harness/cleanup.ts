import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

type Undo = () => Promise<void> | void

const undos: Undo[] = []
const livePids = new Set<number>()

/** Runs when the tests of this file are done, passed or not; the last one registered runs first. */
export const onCleanup = (undo: Undo): void => {
  undos.push(undo)
}

/** Remembers a process that must not outlive this one. @returns the way to forget it */
export const watchPid = (pid: number): (() => void) => {
  livePids.add(pid)
  return () => livePids.delete(pid)
}

const killLeftovers = (): void => {
  for (const pid of livePids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  livePids.clear()
}

afterAll(async () => {
  for (const undo of undos.splice(0).toReversed()) await undo()
  killLeftovers()
})
process.once('exit', killLeftovers)

/** A fresh folder that is removed when the tests of this file are done. */
export const makeScratchDir = async (label: string): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), `mesh-${label}-`))
  onCleanup(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}
