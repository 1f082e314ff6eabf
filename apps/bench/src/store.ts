import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Comparison } from './summary.ts'

/** One workload as it was last stored, and on what machine. */
export interface Stored {
  measuredAt: string
  machine: { cores: number; processor: string; kernel: string; node: string }
  place: string
  comparison: Comparison
}

export const resultsFolder = fileURLToPath(new URL('../results', import.meta.url))

const isStored = (value: unknown): value is Stored => {
  const comparison: unknown = Object(value).comparison
  return typeof Object(comparison).workload === 'string' && typeof Object(comparison).samples === 'object'
}

/** @returns undefined where this workload was never stored. @throws Error for a file that is something else */
export const readStored = async (workload: string, folder = resultsFolder): Promise<Stored | undefined> => {
  const path = join(folder, `${workload}.json`)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const value: unknown = JSON.parse(text)
  if (!isStored(value)) throw new Error(`${path} is not a result of the bench.`)
  return value
}

/** Takes the place of what was stored of this workload. @returns the path */
export const store = async (comparison: Comparison, place: string, folder = resultsFolder): Promise<string> => {
  const [processor] = cpus()
  const stored: Stored = {
    measuredAt: new Date().toISOString(),
    machine: {
      cores: cpus().length,
      processor: processor?.model ?? 'unknown',
      kernel: release(),
      node: process.versions.node
    },
    place,
    comparison
  }
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${comparison.workload}.json`)
  await writeFile(path, `${JSON.stringify(stored, undefined, 2)}\n`)
  return path
}
