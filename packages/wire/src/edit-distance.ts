/**
 * Letters that were changed, left out, added or swapped with their neighbour (optimal string alignment).
 * @returns the distance, or `most + 1` where it is larger
 */
export const editDistance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min(changed, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    // A swap reaches back over one row, so that both have to be beyond it.
    if (Math.min(...row, ...next) > most) return most + 1
    before = row
    row = next
  }
  return Math.min(row[b.length] ?? most, most + 1)
}
