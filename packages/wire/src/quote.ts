const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * Text from outside as a terminal may show it: at most `most` characters, and whatever a terminal would act on or hide
 * (control, bidi, unassigned) as `\u{…}`.
 */
export const printable = (text: string, most: number): string => {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text
  return cut.replace(invisible, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
}

/** Printable text in quotation marks, for a message or a log. */
export const quote = (text: string, most = 64): string => `"${printable(text, most)}"`
