const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * Text from outside as a terminal may show it: at most `most` characters, and whatever a terminal would act on or hide
 * (control, bidi, unassigned) as `\u{…}`.
 */
export const printable = (text: string, most: number): string => {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return cut.replace(invisible, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
}

const units = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')

/** JSON that a terminal may show: what it would act on or hide is written as `\uXXXX`, so that the value is the same. */
export const inertJson = (json: string): string => json.replace(invisible, units)

/** Lines that a terminal may show as they are, line ends and tabs included; the rest as {@link printable} does. */
export const inertLines = (text: string): string =>
  text.replace(invisible, (character) =>
    character === '\n' || character === '\t' ? character : printable(character, character.length)
  )

/** Printable text in quotation marks, for a message or a log. */
export const quote = (text: string, most = 64): string => `"${printable(text, most)}"`
