/** Times of the choice of paths, all in milliseconds. */
export interface PathKnobs {
  /** Between an answer and the next echo, on a way that is in use. */
  echoMs: number
  /** The same on other ways of a peer in use: whether they would serve. */
  spareEchoMs: number
  /** An echo this old casts doubt on a way: others are opened, so that one is there when it is given up. */
  doubtMs: number
  /** An echo this old makes a way silent. With `echoMs` this is at most 6 s: a path has to be left within 7. */
  silentMs: number
  /** As silentMs, for ways that are older than the last change of the network of this machine. */
  movedSilentMs: number
  /** A way that is silent for this long is closed, with the tunnels on it. TCP heals a cut that is shorter. */
  zombieMs: number
  /** A peer counts as in use for this long after the last tunnel was opened. */
  activeMs: number
  /** Upgrades begin this often … */
  upgradeMs: number
  /** … so many times, */
  upgrades: number
  /** and then this often, less up to a tenth: an upgrade, its dial and its proof fit into a minute. */
  lateUpgradeMs: number
  /** Between the starts of the attempts of one round. */
  staggerMs: number
  /** After a failed round without any way, doubled up to the maximum. */
  retryMs: number
  mostRetryMs: number
  /** How long a way of a class that failed of late must work before it is used again, doubled with each failure. */
  proofMs: number
  mostProofMs: number
  /** For how long a failure is held against a class. */
  grudgeMs: number
  /** A way without tunnels that is worse than the one in use is closed after this. */
  lingerMs: number
  /** A look that comes later than this says that this process stood still, and nothing of the others. */
  lagMs: number
}

export const pathDefaults: PathKnobs = {
  echoMs: 1_500,
  spareEchoMs: 10_000,
  doubtMs: 1_500,
  silentMs: 4_000,
  movedSilentMs: 2_000,
  zombieMs: 20_000,
  activeMs: 60_000,
  upgradeMs: 15_000,
  upgrades: 4,
  lateUpgradeMs: 48_000,
  staggerMs: 1_000,
  retryMs: 1_000,
  mostRetryMs: 8_000,
  proofMs: 2_000,
  mostProofMs: 30_000,
  grudgeMs: 5 * 60_000,
  lingerMs: 60_000,
  lagMs: 500
}
