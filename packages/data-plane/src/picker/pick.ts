import { score } from './rendezvous.ts'

export interface Pickable {
  /** The same for the same agent and service. */
  key: string
  /** Those of one tier are as good as each other; 0 is the best. They come in the order of their tiers. */
  tier: number
  /** Nothing speaks against it. */
  isGood: boolean
  /** How much of the work it wants, above 0. */
  weight: number
  /** Tunnels that it has, as far as it is known here. */
  busy: number
}

/**
 * How one of several equals is chosen. `two-choices`: an idle one, else the less loaded of two that are drawn, which
 * spreads work as well as asking everybody without sending all callers to the same one. `least-loaded`: the least loaded
 * of all. `sticky`: the same one for the same key as long as nothing speaks against it, whatever its tier.
 */
export type Choice = { by: 'two-choices' } | { by: 'least-loaded' } | { by: 'sticky'; key: string }

/** At least 0, below 1. */
type Random = () => number

const load = ({ busy, weight }: Pickable): number => busy / weight

/** One of them, drawn by weight. */
const draw = <P extends Pickable>(from: readonly P[], random: Random): P | undefined => {
  let left = random() * from.reduce((sum, { weight }) => sum + weight, 0)
  return from.find(({ weight }) => (left -= weight) < 0) ?? from.at(-1)
}

/** In the order in which they are to be tried after the first: the least loaded first, equals as they came. */
const byLoad = <P extends Pickable>(equals: readonly P[]): P[] => equals.toSorted((a, b) => load(a) - load(b))

const twoChoices = <P extends Pickable>(equals: readonly P[], random: Random): P | undefined => {
  const idle = equals.filter(({ busy }) => busy <= 0)
  if (idle.length > 0) return draw(idle, random)
  const one = draw(equals, random)
  const other = draw(
    equals.filter((candidate) => candidate !== one),
    random
  )
  return one !== undefined && other !== undefined && load(other) < load(one) ? other : one
}

const leastLoaded = <P extends Pickable>(equals: readonly P[], random: Random): P | undefined => {
  const least = Math.min(...equals.map(load))
  return draw(
    equals.filter((candidate) => load(candidate) === least),
    random
  )
}

const firstThen = <P extends Pickable>(first: P | undefined, others: P[]): P[] =>
  first === undefined ? others : [first, ...others.filter((one) => one !== first)]

/**
 * The order in which candidates are to be tried: one of the best tier is chosen to be the first, its equals follow, then
 * the next tier. Every candidate comes out once. An idle one is never passed over for a busy one of its tier.
 */
export const pick = <P extends Pickable>(candidates: readonly P[], choice: Choice, random: Random): P[] => {
  if (choice.by === 'sticky') {
    const { key } = choice
    const good = candidates.filter(({ isGood }) => isGood)
    const scores = new Map(good.map((one) => [one, score(key, one.key, one.weight)]))
    const sorted = good.toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0))
    return [...sorted, ...candidates.filter(({ isGood }) => !isGood)]
  }
  const tiers = [...Map.groupBy(candidates, ({ tier }) => tier).values()]
  const choose = choice.by === 'two-choices' ? twoChoices : leastLoaded
  return tiers.flatMap((equals, index) => {
    const sorted = byLoad(equals)
    return index === 0 ? firstThen(choose(equals, random), sorted) : sorted
  })
}
