/** Every knob of the detector. Times in milliseconds. */
export interface DetectorSettings {
  /**
   * Between two probes that this node begins, times local health + 1. A neighbour that dies unseen is found after at most
   * (its degree) intervals, about one on average: each of its neighbours probes it once a round (SWIM §4.3).
   */
  probeIntervalMs: number
  /** Until helpers are asked, times local health + 1. Above the 99th percentile of round trips (memberlist ProbeTimeout). */
  probeTimeoutMs: number
  /** Helpers asked to probe on behalf of this node (SWIM's k, memberlist IndirectChecks). */
  indirectProbes: number
  /**
   * Shortest suspicion = multiplier · max(1, log10 members) · interval (memberlist SuspicionMult). Longer: fewer false
   * deaths. Shorter: the dead are known sooner.
   */
  suspicionMultiplier: number
  /** Longest suspicion = this · the shortest, where nobody confirms it (memberlist SuspicionMaxTimeoutMult). */
  suspicionMaxMultiplier: number
  /** Independent members, beyond the first, that shorten a suspicion to the shortest (memberlist: multiplier - 2). */
  confirmations: number
  /** Local health goes from 0 up to this (Lifeguard §IV.A, memberlist AwarenessMaxMultiplier: 8). 0 switches it off. */
  maxLocalHealth: number
  /**
   * A tick that comes this much too late was stopped: what it was waiting for waits as well, and is read first. At least the
   * lateness of timers under load, at most the timeout of a probe.
   */
  stallMs: number
  /** After a stall, for reading what came meanwhile, before anything is concluded from what did not come. */
  graceMs: number
  /** Probes of a neighbour without its own answer, while helpers get one, until it counts as unreachable from here. */
  lostAfter: number
  /** Answers in a row until it counts as reachable again; more than `lostAfter`, so that a bad link does not flap. */
  regainedAfter: number
  /** How often every member sends its digest: what others may expect of it. Given the number of members. */
  digestIntervalMs: (members: number) => number
  /** Digests in a row that a member who is no neighbour may fail to send before it is suspected for its silence. */
  digestsMissed: number
  /** Refuted accusations that nobody else shared, of one member by one other, after which its word about it is idle. */
  falseAlarms: number
  /** How long its word is idle, counted from the last of them. */
  falseAlarmMs: number
  /** Neighbours behind a connection whose bytes somebody else counts: they have their turn in every fifth interval at most. */
  isCostly?: (peer: string) => boolean
  /** Members held at once; the longest dead make room. */
  mostMembers: number
}

/** The cost per node stays constant from 20 members on: every digest reaches everybody, so they become rarer as members become more. */
export const digestIntervalMs = (members: number): number => Math.max(10_000, members * 500)

const lan: DetectorSettings = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  suspicionMultiplier: 4,
  suspicionMaxMultiplier: 6,
  confirmations: 2,
  maxLocalHealth: 8,
  stallMs: 300,
  graceMs: 1_000,
  lostAfter: 2,
  regainedAfter: 3,
  digestIntervalMs,
  digestsMissed: 3,
  falseAlarms: 3,
  falseAlarmMs: 60_000,
  mostMembers: 4096
}

/**
 * After memberlist's DefaultLANConfig, DefaultWANConfig and DefaultLocalConfig. What differs: the base of the suspicion is
 * max(1, log10 N) seconds in place of log10(N) intervals in the two that probe each second, and `local` keeps three helpers,
 * because the nodes of one machine stop each other's event loops rather than lose packets.
 */
export const detectorPresets = {
  /** One data centre, or clouds with good links between them: round trips under 200 ms. */
  lan,
  /** Links that are slow, lossy or far: satellites, mobile, the other side of the world under load. */
  wan: {
    ...lan,
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    suspicionMultiplier: 6,
    confirmations: 4,
    stallMs: 1_500,
    graceMs: 3_000,
    falseAlarmMs: 300_000
  },
  /** All on one machine: tests, demonstrations. */
  local: { ...lan, probeTimeoutMs: 200, suspicionMultiplier: 3, confirmations: 1, stallMs: 200 }
} as const satisfies Record<string, DetectorSettings>

export type DetectorPreset = keyof typeof detectorPresets

/** Shortest and longest suspicion among so many members. */
export const suspicionBounds = (settings: DetectorSettings, members: number): { minMs: number; maxMs: number } => {
  const { suspicionMultiplier, suspicionMaxMultiplier, probeIntervalMs } = settings
  const minMs = suspicionMultiplier * Math.max(1, Math.log10(Math.max(1, members))) * probeIntervalMs
  return { minMs, maxMs: suspicionMaxMultiplier * minMs }
}

/** Confirmations that can be had: the suspected and the first who says so cannot confirm (memberlist, suspectNode). */
export const confirmationsOf = ({ confirmations }: DetectorSettings, members: number): number =>
  members - 2 < confirmations ? 0 : confirmations
