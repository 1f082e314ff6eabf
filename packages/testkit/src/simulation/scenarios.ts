import { defaults, span, type Scenario } from './scenario.ts'

/** Faults begin when every node has probed each neighbour. */
const startMs = 20_000

type Size = Partial<Pick<Scenario, 'nodes' | 'settings' | 'durationMs'>>

/** Scenarios by name, each for any number of nodes. */
export const scenarios = {
  quiet: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'quiet',
    about: 'Nothing goes wrong.',
    durationMs: 30 * 60_000,
    faults: [],
    ...size
  }),
  killed: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'killed',
    about: 'One process is killed: its connections break.',
    faults: [{ is: 'crash', how: 'killed', atMs: startMs, nodes: [0] }],
    ...size
  }),
  silent: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'silent',
    about: 'One machine loses power: its connections stay open.',
    faults: [{ is: 'crash', how: 'silent', atMs: startMs, nodes: [0] }],
    ...size
  }),
  paused: ({
    paused = 5,
    forMs = 20_000,
    isDeaf = false,
    ...size
  }: Size & { paused?: number; forMs?: number; isDeaf?: boolean } = {}): Scenario => ({
    ...defaults,
    name: 'paused',
    about: 'Some processes stand still, and go on.',
    faults: [{ is: 'pause', atMs: startMs, forMs, nodes: span(0, paused), isDeaf }],
    durationMs: startMs + forMs + 40_000,
    ...size
  }),
  starved: ({ starved = 5, ...size }: Size & { starved?: number } = {}): Scenario => ({
    ...defaults,
    name: 'starved',
    about: 'Some nodes get so little CPU that they read a few messages a second.',
    faults: [{ is: 'starve', atMs: startMs, forMs: 60_000, nodes: span(0, starved), stillMs: 1_000, messages: 5 }],
    durationMs: startMs + 90_000,
    ...size
  }),
  partition: (size: Size = {}): Scenario => {
    const nodes = size.nodes ?? defaults.nodes
    return {
      ...defaults,
      name: 'partition',
      about: 'Two halves cannot hear each other for a minute.',
      faults: [{ is: 'partition', atMs: startMs, forMs: 60_000, nodes: span(0, Math.floor(nodes / 2)) }],
      durationMs: startMs + 60_000 + 40_000,
      ...size
    }
  },
  lossy: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'lossy',
    about: 'Every tenth segment is lost, everywhere.',
    faults: [{ is: 'loss', atMs: 0, forMs: Infinity, share: 0.1, nodes: span(0, size.nodes ?? defaults.nodes) }],
    durationMs: 5 * 60_000,
    ...size
  }),
  slander: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'slander',
    about: 'One member says of another, four times a second, that it does not answer.',
    faults: [{ is: 'slander', atMs: startMs, forMs: 120_000, everyMs: 250, by: 1, about: 0 }],
    durationMs: startMs + 180_000,
    ...size
  }),
  leaving: (size: Size = {}): Scenario => ({
    ...defaults,
    name: 'leaving',
    about: 'One member says goodbye.',
    faults: [{ is: 'leave', atMs: startMs, nodes: [0] }],
    ...size
  })
} as const

export type ScenarioName = keyof typeof scenarios
