/** Numbers that look random and are the same for the same seed (mulberry32). Not for secrets. */
export interface SeededRandom {
  readonly seed: number
  /** At least 0, below 1. */
  next: () => number
  /** A whole number of at least `from` and below `to`. */
  integer: (from: number, to: number) => number
  bytes: (length: number) => Uint8Array<ArrayBuffer>
  /** One of them. */
  pick: <T>(items: readonly T[]) => T
  /** A copy in another order. */
  shuffle: <T>(items: readonly T[]) => T[]
}

/** @param seed - printed by whoever fails, so that the run can be repeated */
export const seededRandom = (seed: number): SeededRandom => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from))
  return {
    seed,
    next,
    integer,
    bytes: (length) => Uint8Array.from({ length }, () => integer(0, 256)),
    pick: (items) => {
      if (items.length === 0) throw new RangeError('there is nothing to pick from')
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the index is within the array
      return items[integer(0, items.length)] as (typeof items)[number]
    },
    shuffle: (items) =>
      items
        .map((item) => ({ item, order: next() }))
        .toSorted((a, b) => a.order - b.order)
        .map(({ item }) => item)
  }
}
