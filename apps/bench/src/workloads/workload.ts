import type { Contender, Path } from '../contenders/contender.ts'
import type { Place } from '../place/place.ts'

export type Unit = 'bit/s' | 'ms' | 'MiB' | '1/s' | 'times'

/** One figure that a workload yields. */
export interface Metric {
  unit: Unit
  /** What better means: ratios above 1 are good where it is higher. */
  isHigherBetter: boolean
  /** Differs between rounds at rest as well, so it does not tell a noisy run. */
  isUneven?: boolean
}

/** Services of a workload that listen on the far side. */
export interface Services {
  ports: number[]
  stop: () => Promise<void>
}

/** What one turn of one contender gave. */
interface Turn {
  /** By the name of the metric. */
  figures: Record<string, number>
  /** Payload that went through, for the price per GiB; 0 where that says nothing. */
  bytes: number
}

/** A thing to do on every way, in turns. */
export interface Workload {
  name: string
  describe: string
  /** Who takes part where not all do: by the same names, but another way. */
  contenders?: readonly Contender[]
  metrics: Record<string, Metric>
  /** Why it cannot be measured here; undefined where it can. */
  missing: (place: Place) => string | undefined | Promise<string | undefined>
  serve: (place: Place) => Promise<Services>
  /** @param path whose ends are those of the services, in the order of their ports */
  turn: (place: Place, path: Path, seconds: number) => Promise<Turn>
}
