import type { Candidate } from '../../../interfaces.ts'

export interface PreferenceInit {
  /** Peer that answered this client before. */
  sticky: string | undefined
  /** Peers that were asked for this request already. */
  asked: ReadonlySet<string>
  /** A peer failed a moment ago, which whoever watches it may not know yet. */
  isShunned: (peer: string) => boolean
}

type Preferable = Pick<Candidate, 'service' | 'isGood'> & { peerId: { toString: () => string } }

/**
 * The candidates of a capability that may be asked for a request, in the order in which they are: the one that the client
 * is used to where nothing speaks against it, the others as they come, those that failed a moment ago at the end.
 */
export const preferred = <C extends Preferable>(candidates: readonly C[], init: PreferenceInit): C[] => {
  const { sticky, asked, isShunned } = init
  const left = candidates.filter(({ peerId, service }) => service !== undefined && !asked.has(peerId.toString()))
  const isSticky = ({ peerId, isGood = true }: C): boolean => isGood && peerId.toString() === sticky
  const place = (one: C): number => (isShunned(one.peerId.toString()) ? 2 : isSticky(one) ? 0 : 1)
  return left.toSorted((a, b) => place(a) - place(b))
}
