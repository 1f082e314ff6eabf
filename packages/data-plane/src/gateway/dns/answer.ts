import type { DnsHead, DnsQuery } from './query.ts'

/** RFC 1035, section 4.1.1; 16 takes the upper bits that EDNS adds. */
const rcodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16
} as const

export type Rcode = keyof typeof rcodes

/** Info codes of RFC 8914 that are given. */
const explanations = {
  other: 0,
  blocked: 15,
  prohibited: 18,
  notAuthoritative: 20,
  noReachableAuthority: 22
} as const

export type Explanation = keyof typeof explanations

export interface DnsAnswer {
  rcode: Rcode
  /** The IPv4 address of the name that was asked for. */
  address?: string
  /** The start of authority: as what was asked for, or beside the statement that there is nothing, for its lifetime. */
  authority?: 'answer' | 'beside'
  /** Why, for clients that speak EDNS. */
  why?: { code: Explanation; text: string }
}

export interface AnswerStyle {
  /** What ends the names that are answered for; dots between its labels. */
  suffix: string
  /** Seconds for which an address, and that there is none, may be taken for granted. */
  ttlS: number
  negativeTtlS: number
}

const types = { a: 1, soa: 6, extension: 41 } as const
const internet = 1
const isAnswer = 0x8000
const isAuthoritative = 0x0400
const isRecursionDesired = 0x0100
const isDnssecWanted = 0x8000
/** What RFC 9715 recommends to say that one takes; queries are far smaller. */
const payloadBytes = 1_232
const explanationOption = 15
const questionAt = 12
/** With the longest name and a start of authority, the message ends below 512 bytes. */
const longestText = 150
const responsible = 'nobody'

const u16 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index)
  return bytes
}

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}

/** RFC 1035, section 4.1.4: a name that stands at this place of the message already. */
const pointer = (at: number): Buffer => u16(0xc000 | at)

const record = (owner: Buffer, type: number, ttlS: number, data: Buffer): Buffer =>
  Buffer.concat([owner, u16(type, internet), u32(ttlS), u16(data.length), data])

const suffixBytes = (suffix: string): number => suffix.length + 2

/** Serial and times mean nothing without a copy of the zone; the last number is the lifetime of "there is nothing". */
const authorityRecord = (query: DnsQuery, { suffix, negativeTtlS }: AnswerStyle): Buffer => {
  const apex = pointer(questionAt + query.question.nameBytes - suffixBytes(suffix))
  const mailbox = Buffer.concat([Buffer.from([responsible.length]), Buffer.from(responsible), apex])
  return record(apex, types.soa, negativeTtlS, Buffer.concat([apex, mailbox, u32(1, 3_600, 600, 86_400, negativeTtlS)]))
}

/** Cut between two letters. */
const cutText = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  if (bytes.length <= longestText) return bytes
  let end = longestText
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}

const extensionRecord = (query: DnsQuery, { rcode, why }: DnsAnswer): Buffer => {
  const flags = query.extension?.isDnssecWanted === true ? isDnssecWanted : 0
  const said = why === undefined ? undefined : Buffer.concat([u16(explanations[why.code]), cutText(why.text)])
  const options = said === undefined ? Buffer.alloc(0) : Buffer.concat([u16(explanationOption, said.length), said])
  const head = Buffer.from([0, 0, types.extension, payloadBytes >> 8, payloadBytes & 0xff, rcodes[rcode] >> 4, 0])
  return Buffer.concat([head, u16(flags, options.length), options])
}

const headOf = ({ id, opcode, isRecursionDesired: isDesired }: DnsHead, rcode: Rcode, counts: number[]): Buffer => {
  const isOurs = rcode === 'noError' || rcode === 'nameError'
  const flags =
    isAnswer |
    (opcode << 11) |
    (isOurs ? isAuthoritative : 0) |
    (isDesired ? isRecursionDesired : 0) |
    (rcodes[rcode] & 0x0f)
  return u16(id, flags, ...counts)
}

/** The answer to what could not be read: its head alone. */
export const writeRefusal = (head: DnsHead, rcode: Rcode): Buffer => headOf(head, rcode, [0, 0, 0, 0])

/** An answer of at most 512 bytes, so that it fits wherever a query fitted and nothing is ever cut. */
export const writeAnswer = (query: DnsQuery, answer: DnsAnswer, style: AnswerStyle): Buffer => {
  const { address, authority, rcode } = answer
  const answers = [
    ...(address === undefined
      ? []
      : [record(pointer(questionAt), types.a, style.ttlS, Buffer.from(address.split('.').map(Number)))]),
    ...(authority === 'answer' ? [authorityRecord(query, style)] : [])
  ]
  const authorities = authority === 'beside' ? [authorityRecord(query, style)] : []
  const additionals = query.extension === undefined ? [] : [extensionRecord(query, answer)]
  const counts = [1, answers.length, authorities.length, additionals.length]
  return Buffer.concat([headOf(query, rcode, counts), query.question.bytes, ...answers, ...authorities, ...additionals])
}
