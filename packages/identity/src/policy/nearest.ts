/** Letters that were changed, left out, added or swapped with their neighbour (optimal string alignment). */
const distance = (a: string, b: string): number => {
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
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

/** The known word that was most likely meant: a third of its letters may be wrong. */
const nearest = (text: string, known: Iterable<string>): string | undefined => {
  const most = Math.ceil(text.length / 3)
  let found: { word: string; edits: number } | undefined
  for (const word of known) {
    if (Math.abs(word.length - text.length) > most) continue
    const edits = distance(text, word)
    if (edits <= most && edits < (found?.edits ?? Infinity)) found = { word, edits }
  }
  return found?.word
}

/** `did you mean ops?`, where something known is near. */
export const didYouMean = (text: string, known: Iterable<string>): string | undefined => {
  const near = nearest(text, known)
  return near === undefined ? undefined : `did you mean ${near}?`
}
