import type { HealthState } from '../interface.ts'

/** `unreachable` is nobody's claim: it is how one member sees another, and no news for a third. */
export type ClaimedState = 'alive' | 'suspect' | 'dead' | 'left'

/** What somebody says of a member. */
export interface Claim {
  peerId: string
  state: ClaimedState
  /** The life of the member that is meant. Raised by the member alone: to refute, and at each start. */
  incarnation: number
}

/**
 * What happens to a node, as the detector is told. Who sent a message is proven by the connection or the signature that
 * it came with. Claims that came with a message are the sender's; the sender's claim to be alive itself is among them.
 */
export type DetectorEvent =
  | { is: 'connected'; peer: string }
  /** `isOrderly`: this node chose to part, or the neighbour said that it does. Otherwise one probe asks what became of it. */
  | { is: 'disconnected'; peer: string; isOrderly: boolean }
  /** A member exists that nothing was heard of yet. It counts as alive until it stays silent, or is claimed not to be. */
  | { is: 'learnt'; peer: string; incarnation?: number }
  /** A neighbour wants an answer. */
  | { is: 'probe'; peer: string; sequence: number; claims: readonly Claim[] }
  /** The answer of the probed itself, on its own connection. */
  | { is: 'ack'; peer: string; sequence: number; claims: readonly Claim[] }
  /** A helper got an answer of the probed; the sequence is that of the `ask`. */
  | { is: 'relayed-ack'; peer: string; sequence: number; claims: readonly Claim[] }
  /** A helper lives, and got no answer. */
  | { is: 'relayed-nack'; peer: string; sequence: number; claims: readonly Claim[] }
  /** A neighbour asks this node to probe a third. */
  | { is: 'probe-for-me'; peer: string; target: string; sequence: number; claims: readonly Claim[] }
  /** A probe could not be sent at all: the dial was refused, the stream ended. Saves waiting for the deadline. */
  | { is: 'unsent'; sequence: number }
  /**
   * By gossip, or in a comparison of views. First-hand is what the author saw itself (all of `spread` is); a view that is
   * compared also holds what the author was told, which makes no second witness of it.
   */
  | { is: 'claims'; by: string; claims: readonly Claim[]; isFirstHand: boolean }
  /** Signed by the member itself, however it came here. */
  | {
      is: 'digest'
      peer: string
      incarnation: number
      sequence: number
      /** By the clock of its author, of which only differences matter. */
      timeMs: number
      /** To whom it is connected: makes good helpers. */
      neighbours?: readonly string[]
      /** Its goodbye. */
      isLeaving?: boolean
    }
  /** How late timers fired lately, at most. */
  | { is: 'lag'; lagMs: number }
  /** The member is none any longer: revoked, expired. */
  | { is: 'forget'; peer: string }
  /** This node says goodbye. */
  | { is: 'leave' }

/** What the detector wants done. Messages that cannot be sent are dropped: that they are missing is what it measures. */
export type DetectorAction =
  /** `mustDial`: the peer was a neighbour a moment ago; one dial decides. An answer after the deadline is of no use. */
  | {
      do: 'probe'
      peer: string
      sequence: number
      deadlineMs: number
      mustDial: boolean
      claims: readonly Claim[]
    }
  | { do: 'ask'; helper: string; target: string; sequence: number; deadlineMs: number; claims: readonly Claim[] }
  | { do: 'ack'; peer: string; sequence: number; claims: readonly Claim[] }
  | { do: 'relayed-ack'; peer: string; sequence: number; claims: readonly Claim[] }
  | { do: 'relayed-nack'; peer: string; sequence: number; claims: readonly Claim[] }
  /** To everybody by gossip, at once, as this node's first-hand word. */
  | { do: 'spread'; claim: Claim }
  /** This node's own incarnation was raised: its digest goes to everybody, at once. */
  | { do: 'refute'; incarnation: number; accusers: readonly string[] }
  /** `left` was asked for by {@link DetectorEvent} `leave`: the goodbye goes to everybody, at once. */
  | { do: 'farewell'; incarnation: number }
  /** Somebody speaks of a life of the peer that the peer itself did not state here: its digest is worth a question. */
  | { do: 'want-digest'; peer: string; from: string }
  | ({ do: 'changed'; from: HealthState | undefined } & MemberView)
  /** No longer held, because more members are known than may be. */
  | { do: 'forgot'; peer: string }

export interface MemberView {
  peer: string
  state: HealthState
  /** By the clock that the detector is given. */
  sinceMs: number
  /** One clause for people. */
  reason: string
  incarnation: number
  /** Its messages arrive here, and those to it get no answer. */
  isAsymmetric: boolean
}

/**
 * Decides who is alive. Pure: events and time in, actions out. Call `handle` with each event and `tick` when `nextAtMs` has
 * come; carry out the actions in order.
 */
export interface Detector {
  /** @param nowMs - of a clock that never goes back, the same for all calls */
  handle: (event: DetectorEvent, nowMs: number) => DetectorAction[]
  tick: (nowMs: number) => DetectorAction[]
  /** When `tick` is due. May change with every call. */
  nextAtMs: () => number
  of: (peer: string) => MemberView | undefined
  all: () => MemberView[]
  /** Of this node. */
  readonly incarnation: number
  /** 0 is healthy; timeouts and the interval are stretched by one more than this. */
  readonly localHealth: number
}
