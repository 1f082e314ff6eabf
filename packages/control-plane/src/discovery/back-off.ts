export interface BackOffInit {
  baseMs: number
  maxMs: number
  /** A connection that held this long counts as good: the next failure starts from the base again. */
  goodAfterMs: number
  now?: () => number
  random?: () => number
}

/**
 * When each peer may be dialled again: base · 2ⁿ up to a maximum, with ±25 % of jitter. A dial that succeeds is an
 * attempt as well, so that a peer which accepts and then throws us out is not dialled in a storm.
 */
export interface BackOff {
  attempted: (peer: string) => void
  /** The dial succeeded. */
  connected: (peer: string) => void
  /** The connection ended. */
  ended: (peer: string) => void
  /**
   * Earliest time of the next dial, milliseconds since 1970; 0 where there was none.
   * @param mostMs - the longest pause, where that is shorter than the maximum
   */
  notBefore: (peer: string, mostMs?: number) => number
  /** Drops what is not among these. */
  keep: (peers: Set<string>) => void
}

interface State {
  attempts: number
  /** When the pause began, and how long it is. */
  fromMs: number
  pauseMs: number
  connectedMs?: number
}

export const createBackOff = ({
  baseMs,
  maxMs,
  goodAfterMs,
  now = Date.now,
  random = Math.random
}: BackOffInit): BackOff => {
  const states = new Map<string, State>()
  const stateOf = (peer: string): State => states.get(peer) ?? { attempts: 0, fromMs: 0, pauseMs: 0 }
  const delay = (attempts: number): number =>
    Math.min(maxMs, baseMs * 2 ** Math.min(attempts, 30)) * (0.75 + 0.5 * random())
  return {
    attempted: (peer) => {
      const { attempts } = stateOf(peer)
      states.set(peer, { attempts: attempts + 1, fromMs: now(), pauseMs: delay(attempts) })
    },
    connected: (peer) => {
      states.set(peer, { ...stateOf(peer), connectedMs: now() })
    },
    ended: (peer) => {
      const { connectedMs, ...pause } = stateOf(peer)
      const isGood = connectedMs !== undefined && now() - connectedMs >= goodAfterMs
      states.set(peer, isGood ? { attempts: 0, fromMs: now(), pauseMs: delay(0) } : pause)
    },
    notBefore: (peer, mostMs = Number.POSITIVE_INFINITY) => {
      const { fromMs, pauseMs } = stateOf(peer)
      return fromMs + Math.min(pauseMs, mostMs)
    },
    keep: (peers) => {
      for (const peer of states.keys()) {
        if (!peers.has(peer)) states.delete(peer)
      }
    }
  }
}
