/** A command line up to the cursor, as a shell would take it apart. The last word is the one that is being typed. */
export const splitLine = (line: string): string[] => {
  const words: string[] = []
  let word = ''
  let quote = ''
  let isEscaped = false
  let isWord = false
  for (const character of line) {
    if (isEscaped) {
      word += character
      isEscaped = false
    } else if (character === '\\' && quote !== "'") isEscaped = true
    else if (quote !== '') {
      if (character === quote) quote = ''
      else word += character
    } else if (character === '"' || character === "'") [quote, isWord] = [character, true]
    else if (/\s/.test(character)) {
      if (isWord || word !== '') words.push(word)
      ;[word, isWord] = ['', false]
    } else word += character
  }
  return [...words, word]
}
