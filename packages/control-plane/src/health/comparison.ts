import { createHash } from 'node:crypto'
import { limits } from '@agent-mesh/wire'
import { mostWanted, viewBytes, type Frame } from './frame.ts'
import type { Claim, ClaimedState } from './detector/interface.ts'
import type { SignedDigest } from './digest.ts'

/** What one member holds of all, itself included. */
export interface Holdings {
  claims: () => Claim[]
  digest: (peer: string) => SignedDigest | undefined
}

/** What the other side's states lead to. */
export interface Outcome {
  /** Those about a life of a member that is known here by its own word. */
  claims: Claim[]
  /** Those that count once the digest is here which was asked for. */
  pending: Claim[]
  answers: Frame[]
}

/** Suspicion passes, and travels by itself: two views that differ in that alone are one. */
const settled = (state: ClaimedState): string => (state === 'suspect' ? 'alive' : state)

/** Equal for equal views: who there is, in which life, and whether it lives. */
export const hashView = (claims: Claim[]): Uint8Array => {
  const hash = createHash('sha256')
  const lines = claims.map(({ peerId, incarnation, state }) => `${peerId} ${incarnation} ${settled(state)}\n`)
  for (const line of lines.toSorted()) hash.update(line)
  return hash.digest().subarray(0, viewBytes)
}

const isSameView = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export const beginComparison = (holdings: Holdings): Frame => ({
  is: 'compare',
  view: hashView(holdings.claims()),
  isAnswer: false
})

const pages = <T>(items: T[], most: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / most) }, (_, at) => items.slice(at * most, (at + 1) * most))

const statesOf = ({ claims }: Holdings, isAnswer: boolean): Frame[] => {
  const all = pages(claims(), limits.claimsPerMessage)
  return all.map((page, at) => ({ is: 'states', claims: page, isAnswer, isLast: at === all.length - 1 }))
}

/**
 * Answers the hash of the other side's view: with one's own, and with all states where the two differ.
 * @returns isSame - nothing is left to compare
 */
export const compareViews = (
  holdings: Holdings,
  { view, isAnswer }: Extract<Frame, { is: 'compare' }>
): { isSame: boolean; answers: Frame[] } => {
  const own = hashView(holdings.claims())
  const isSame = isSameView(own, view)
  if (isAnswer) return { isSame, answers: [] }
  const answer: Frame = { is: 'compare', view: own, isAnswer: true }
  return { isSame, answers: isSame ? [answer] : [answer, ...statesOf(holdings, false)] }
}

/** What a digest envelope and its field take, at most. */
const digestOverheadBytes = 8
const frameOverheadBytes = 64

/** Digests in as few messages as hold them. */
export const digestPages = (
  digests: SignedDigest[],
  chainOf: (digest: SignedDigest) => Uint8Array[] = () => []
): Frame[] => {
  const frames: Array<Extract<Frame, { is: 'digests' }>> = []
  let left = 0
  for (const digest of digests) {
    const shown = { envelope: digest.bytes, chain: chainOf(digest) }
    const size = [shown.envelope, ...shown.chain].reduce((sum, { length }) => sum + length + digestOverheadBytes, 8)
    if (size > left) {
      frames.push({ is: 'digests', digests: [], wanted: [] })
      left = limits.healthFrameBytes - frameOverheadBytes
    }
    frames.at(-1)?.digests.push(shown)
    left -= size
  }
  return frames
}

/**
 * Looks through the states of the other side. Whose life is newer there is asked for by its digest, for nobody is raised by
 * the word of another; whose life is newer here is told by its digest.
 */
export const compareStates = (
  holdings: Holdings,
  { claims, isAnswer, isLast }: Extract<Frame, { is: 'states' }>
): Outcome => {
  const outcome: Outcome = { claims: [], pending: [], answers: [] }
  const wanted: string[] = []
  const newer: SignedDigest[] = []
  for (const claim of claims) {
    const held = holdings.digest(claim.peerId)
    const order = compareLives(held, claim)
    if (order < 0) {
      wanted.push(claim.peerId)
      outcome.pending.push(claim)
    } else if (order > 0 && held !== undefined) newer.push(held)
    else outcome.claims.push(claim)
  }
  const asked = pages(wanted, mostWanted).map((page): Frame => ({ is: 'digests', digests: [], wanted: page }))
  outcome.answers.push(...digestPages(newer), ...asked)
  if (!isAnswer && isLast) outcome.answers.push(...statesOf(holdings, true))
  return outcome
}

/** Below 0 where the claim is about a newer life than the digest that is held; a goodbye is the end of a life. */
const compareLives = (held: SignedDigest | undefined, { state, incarnation }: Claim): number => {
  if (held === undefined) return -1
  if (held.digest.incarnation !== incarnation) return held.digest.incarnation - incarnation
  return Number(held.isLeaving) - Number(state === 'left')
}
