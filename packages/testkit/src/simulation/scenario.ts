import { detectorPresets, type DetectorSettings } from '@agent-mesh/control-plane/detector'

/** Nodes by number, from 0. */
export type Nodes = readonly number[]

/** What goes wrong, and when. Times in milliseconds of the simulation. */
export type Fault =
  /** `killed`: its connections break, as those of a process do. `silent`: they stay open and nobody answers. */
  | { is: 'crash'; atMs: number; nodes: Nodes; how: 'killed' | 'silent' }
  /** SIGSTOP, a blocked event loop: nothing is read, no timer fires, and what is sent to it waits; if deaf, it is lost. */
  | { is: 'pause'; atMs: number; forMs: number; nodes: Nodes; isDeaf?: boolean }
  /**
   * A machine without enough CPU: the node stands still, comes to its timers and to a few of the messages that wait, and
   * stands still again (the anomalies of Lifeguard §V).
   */
  | { is: 'starve'; atMs: number; forMs: number; nodes: Nodes; stillMs: number; messages: number }
  /** Nothing passes between those inside and those outside; connections stay. */
  | { is: 'partition'; atMs: number; forMs: number; nodes: Nodes }
  /** Nothing passes from one to the other; the other way is open. */
  | { is: 'one-way'; atMs: number; forMs: number; from: number; to: number }
  /** A lost segment comes late, as over TCP: after 200 ms, 400 ms, 800 ms … */
  | { is: 'loss'; atMs: number; forMs: number; share: number; nodes: Nodes }
  | { is: 'delay'; atMs: number; forMs: number; byMs: number; nodes: Nodes }
  | { is: 'leave'; atMs: number; nodes: Nodes }
  /** A member that claims of another, again and again, that it does not answer. */
  | { is: 'slander'; atMs: number; forMs: number; everyMs: number; by: number; about: number }

export interface Scenario {
  name: string
  /** One sentence. */
  about: string
  nodes: number
  /** Neighbours of each, about. */
  degree: number
  durationMs: number
  faults: readonly Fault[]
  settings: DetectorSettings
  link: {
    /** One way. */
    delayMs: number
    /** At most, on top. */
    jitterMs: number
  }
  /** Without digests the detector has only its own messages. */
  hasDigests: boolean
  /** A node compares its view with that of a random neighbour this often. */
  compareEveryMs: number
}

export const defaults: Omit<Scenario, 'name' | 'about' | 'faults'> = {
  nodes: 50,
  degree: 8,
  durationMs: 60_000,
  settings: detectorPresets.lan,
  link: { delayMs: 10, jitterMs: 20 },
  hasDigests: true,
  compareEveryMs: 30_000
}

/** Numbers from one up to, and without, the other. */
export const span = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
