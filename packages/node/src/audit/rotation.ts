/** Name of the file that is written; older ones have a number behind it, the oldest the highest. */
export const liveName = 'audit.jsonl'

/** @param number - 1 is the youngest of those that are full */
const fullName = (number: number): string => `${liveName}.${number}`

/** A full file is moved before the line that does not fit; an empty one takes a line of any length. */
export const isFull = (sizeBytes: number, addedBytes: number, maxBytes: number): boolean =>
  sizeBytes > 0 && sizeBytes + addedBytes > maxBytes

/** Number of a full file; undefined for what is none. */
const numberOf = (name: string): number | undefined => {
  const match = /^audit\.jsonl\.([1-9]\d{0,5})$/.exec(name)
  return match === null ? undefined : Number(match[1])
}

export type RotationStep = { remove: string } | { from: string; to: string }

/** What makes room for a new live file, in this order: the oldest go, the others move up by one. Pure. */
export const rotationSteps = (names: readonly string[], keep: number): RotationStep[] => {
  const numbers = numbersIn(names).toSorted((a, b) => b - a)
  const kept = numbers.filter((number) => number < keep)
  return [
    ...numbers.filter((number) => number >= keep).map((number) => ({ remove: fullName(number) })),
    ...kept.map((number) => ({ from: fullName(number), to: fullName(number + 1) })),
    ...(keep === 0 ? [{ remove: liveName }] : [{ from: liveName, to: fullName(1) }])
  ]
}

/** Numbers of the full files among the names of a folder. */
export const numbersIn = (names: readonly string[]): number[] => names.flatMap((name) => numberOf(name) ?? [])

/** @param number - 0 is the file that is written */
export const fileNameOf = (number: number): string => (number === 0 ? liveName : fullName(number))
