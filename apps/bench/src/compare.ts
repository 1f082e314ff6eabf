import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { cpuOf } from './program.ts'
import type { Contender, Path } from './contenders/contender.ts'
import type { Place } from './place/place.ts'
import type { Services, Workload } from './workloads/workload.ts'
import type { Comparison, Sample } from './summary.ts'

interface Options {
  rounds: number
  seconds: number
  /** Told about each step, for people who wait. */
  say: (line: string) => void
}

/** The first turn of each round is another one's each time, so that what follows a pause falls on all alike. */
const rotated = <T>(list: readonly T[], by: number): T[] => {
  const from = by % Math.max(1, list.length)
  return [...list.slice(from), ...list.slice(0, from)]
}

const openAll = async (
  place: Place,
  services: Services,
  contenders: readonly Contender[],
  folder: string,
  open: Map<Contender, Path>,
  left: Record<string, string>
): Promise<void> => {
  for (const contender of contenders) {
    const own = join(folder, contender.name)
    await mkdir(own, { mode: 0o700 })
    try {
      open.set(contender, await contender.open(place, services.ports, own))
    } catch (err) {
      left[contender.name] = `it did not start: ${String(err)}`
    }
  }
}

const sampleOf = async (workload: Workload, place: Place, path: Path, seconds: number): Promise<Sample> => {
  const before = cpuOf(path.pids)
  const { figures, bytes } = await workload.turn(place, path, seconds)
  const cpuMs = cpuOf(path.pids) - before
  return bytes === 0 ? figures : { ...figures, cpuSecondsPerGiB: cpuMs / 1_000 / (bytes / 2 ** 30) }
}

/**
 * One workload on each contender in turns, round by round. All of them are up meanwhile; each is warmed by a turn of one
 * second that does not count.
 */
export const compare = async (
  workload: Workload,
  contenders: readonly Contender[],
  place: Place,
  { rounds, seconds, say }: Options
): Promise<Comparison> => {
  const skipped: Record<string, string> = {}
  for (const contender of contenders) {
    const reason = contender.missing(place)
    if (reason !== undefined) skipped[contender.name] = reason
  }
  const folder = await mkdtemp(join(tmpdir(), 'mesh-bench-'))
  const forget = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const samples: Record<string, Sample[]> = {}
  const loads: number[] = []
  const open = new Map<Contender, Path>()
  const services = await workload.serve(place)
  const turn = async (contender: Contender, path: Path, forSeconds: number): Promise<Sample | undefined> => {
    try {
      return await sampleOf(workload, place, path, forSeconds)
    } catch (err) {
      skipped[contender.name] = `it failed: ${String(err)}`
      delete samples[contender.name]
      open.delete(contender)
      await path.close()
      return undefined
    }
  }
  try {
    await openAll(
      place,
      services,
      contenders.filter(({ name }) => skipped[name] === undefined),
      folder,
      open,
      skipped
    )
    for (const [contender, path] of open) await turn(contender, path, 1)
    for (let round = 0; round < rounds; round++) {
      loads.push(loadavg()[0] ?? Number.NaN)
      say(`${workload.name}, round ${round + 1} of ${rounds}`)
      for (const [contender, path] of rotated([...open], round)) {
        const sample = await turn(contender, path, seconds)
        if (sample !== undefined) (samples[contender.name] ??= []).push(sample)
      }
    }
  } finally {
    await Promise.all([...open.values()].map(async ({ close }) => close()))
    await services.stop()
    forget()
    await rm(folder, { recursive: true, force: true })
  }
  return { workload: workload.name, describe: workload.describe, metrics: workload.metrics, samples, skipped, loads }
}
