const borrowers = new WeakSet<object>()

/** Says that whoever listens to a stream gives back what it gets from now on, see `release`. Others get copies. */
export const borrow = (stream: object): void => void borrowers.add(stream)

export const isBorrower = (stream: object): boolean => borrowers.has(stream)
