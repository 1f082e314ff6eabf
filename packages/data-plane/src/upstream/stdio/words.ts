/** What needs no quotes to stay one word. */
const plain = /^[\w@%+=:,./-]+$/

/**
 * Splits a command line as a POSIX shell splits one without expansions: blanks part words, single quotes keep all,
 * double quotes keep all but `\"` and `\\`, a backslash keeps the next character.
 * @returns undefined where a quote is not closed
 */
export const splitWords = (text: string): string[] | undefined => {
  const words: string[] = []
  let word: string | undefined
  let quote: '"' | "'" | undefined
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    const next = text[at + 1]
    if (quote !== undefined) {
      if (char === quote) quote = undefined
      else if (quote === '"' && char === '\\' && (next === '"' || next === '\\')) {
        word = (word ?? '') + next
        at += 1
      } else word = (word ?? '') + char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (char === '\\' && next !== undefined) {
      word = (word ?? '') + next
      at += 1
    } else if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== undefined) return undefined
  if (word !== undefined) words.push(word)
  return words
}

/** The text that {@link splitWords} reads back. */
export const joinWords = (words: readonly string[]): string =>
  words.map((word) => (plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
