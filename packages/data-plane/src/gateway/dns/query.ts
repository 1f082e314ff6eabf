/** A question as it was asked. */
export interface DnsQuestion {
  /** As it came, to be repeated in the answer letter by letter. */
  bytes: Buffer
  /** Labels joined by dots; whatever is no visible ASCII letter, and a dot within a label, as `\ddd`. */
  host: string
  /** Length of the name in the message, its final zero included. */
  nameBytes: number
  type: number
  class: number
}

/** What a client said of itself by EDNS (RFC 6891). */
interface DnsExtension {
  version: number
  isDnssecWanted: boolean
}

/** What has to be repeated in an answer. */
export interface DnsHead {
  id: number
  opcode: number
  isRecursionDesired: boolean
}

export type DnsQuery = DnsHead & { question: DnsQuestion; extension?: DnsExtension }

/** What was asked; or the head alone, where the rest is not asked in a way that can be answered. */
export type ReadQuery = { query: DnsQuery } | { head: DnsHead; rcode: 'formatError' | 'notImplemented' }

const headBytes = 12
const longestName = 255
const longestLabel = 63
const extensionType = 41
const isAnswer = 0x8000
const isRecursionDesired = 0x0100
const isDnssecWanted = 0x8000
const longPointer = 0xc0

/** A message that is not what RFC 1035 says. */
class Malformed extends Error {}

/** Reads forward through one message; past its end it throws. */
class Cursor {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(count: number): Buffer {
    if (this.at + count > this.#bytes.length) throw new Malformed('it is cut short')
    this.at += count
    return this.#bytes.subarray(this.at - count, this.at)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u16(): number {
    return this.take(2).readUInt16BE()
  }

  since(start: number): Buffer {
    return this.#bytes.subarray(start, this.at)
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length
  }
}

/** Letters that stand for themselves in a name: visible ASCII but the dot and the backslash. */
const isPlain = (byte: number): boolean => byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c

const labelText = (label: Buffer): string =>
  [...label].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`)).join('')

/** The name of a question: nothing stands before it that it could point to. */
const readName = (cursor: Cursor): string => {
  const start = cursor.at
  const labels: string[] = []
  for (let length = cursor.u8(); length > 0; length = cursor.u8()) {
    if (length > longestLabel) throw new Malformed('a label is too long, or points elsewhere')
    labels.push(labelText(cursor.take(length)))
    if (cursor.at - start >= longestName) throw new Malformed('the name is too long')
  }
  return labels.join('.')
}

/** Passes the name of a record, of which only is wanted whether it is the root. */
const skipName = (cursor: Cursor): { isRoot: boolean } => {
  const start = cursor.at
  for (let length = cursor.u8(); length > 0; length = cursor.u8()) {
    if (length >= longPointer) {
      cursor.u8()
      return { isRoot: false }
    }
    if (length > longestLabel) throw new Malformed('a label is too long')
    cursor.take(length)
    if (cursor.at - start >= longestName) throw new Malformed('the name is too long')
  }
  return { isRoot: cursor.at === start + 1 }
}

const checkOptions = (options: Cursor): void => {
  while (!options.isAtEnd) {
    options.u16()
    options.take(options.u16())
  }
}

const readExtension = (cursor: Cursor, count: number): DnsExtension | undefined => {
  let found: DnsExtension | undefined
  for (let index = 0; index < count; index++) {
    const { isRoot } = skipName(cursor)
    const type = cursor.u16()
    cursor.u16()
    cursor.u8()
    const version = cursor.u8()
    const flags = cursor.u16()
    const data = cursor.take(cursor.u16())
    if (type !== extensionType) continue
    if (!isRoot || found !== undefined) throw new Malformed('it has two extensions, or one with a name')
    checkOptions(new Cursor(data))
    found = { version, isDnssecWanted: (flags & isDnssecWanted) !== 0 }
  }
  if (!cursor.isAtEnd) throw new Malformed('something follows')
  return found
}

const readBody = (cursor: Cursor): Pick<DnsQuery, 'question' | 'extension'> => {
  const [questions, answers, authorities, additionals] = [cursor.u16(), cursor.u16(), cursor.u16(), cursor.u16()]
  if (questions !== 1 || answers !== 0 || authorities !== 0) throw new Malformed('it is not one question')
  const host = readName(cursor)
  const nameBytes = cursor.at - headBytes
  const [type, klass] = [cursor.u16(), cursor.u16()]
  const question = { bytes: cursor.since(headBytes), host, nameBytes, type, class: klass }
  const extension = readExtension(cursor, additionals)
  return { question, ...(extension === undefined ? {} : { extension }) }
}

/**
 * Reads a query strictly: one question without compression, whole records after it, and nothing behind them. Undefined
 * where nothing may be answered: no head, or an answer, which would go to and fro between two responders.
 */
export const readQuery = (bytes: Buffer): ReadQuery | undefined => {
  if (bytes.length < headBytes) return undefined
  const cursor = new Cursor(bytes)
  const [id, flags] = [cursor.u16(), cursor.u16()]
  if ((flags & isAnswer) !== 0) return undefined
  const opcode = (flags >> 11) & 0x0f
  const head = { id, opcode, isRecursionDesired: (flags & isRecursionDesired) !== 0 }
  if (opcode !== 0) return { head, rcode: 'notImplemented' }
  try {
    return { query: { ...head, ...readBody(cursor) } }
  } catch (err) {
    if (err instanceof Malformed) return { head, rcode: 'formatError' }
    throw err
  }
}
