import { editDistance } from '@agent-mesh/wire'

/** The known word that was most likely meant: a third of its letters may be wrong. */
const nearest = (text: string, known: Iterable<string>): string | undefined => {
  const most = Math.ceil(text.length / 3)
  let found: { word: string; edits: number } | undefined
  for (const word of known) {
    const edits = editDistance(text, word, most)
    if (edits <= most && edits < (found?.edits ?? Infinity)) found = { word, edits }
  }
  return found?.word
}

/** `did you mean ops?`, where something known is near. */
export const didYouMean = (text: string, known: Iterable<string>): string | undefined => {
  const near = nearest(text, known)
  return near === undefined ? undefined : `did you mean ${near}?`
}
