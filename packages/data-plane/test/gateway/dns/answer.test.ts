import type { Answer, Packet } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { writeAnswer, writeRefusal, type DnsAnswer } from '../../../src/gateway/dns/answer.ts'
import { decoded, type Heard } from './decoded.ts'
import { readQuery, type DnsQuery } from '../../../src/gateway/dns/query.ts'

const style = { suffix: 'mesh', ttlS: 10, negativeTtlS: 5 }

const ask = (host: string, isExtended = true): DnsQuery => {
  const name = host.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  const opt = isExtended ? [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0] : []
  const bytes = Buffer.from([18, 103, 1, 0, 0, 1, 0, 0, 0, 0, 0, isExtended ? 1 : 0, ...name, 0, 0, 1, 0, 1, ...opt])
  const read = readQuery(bytes)
  if (read === undefined || !('query' in read)) throw new Error('the query does not read')
  return read.query
}

/** As another implementation reads it. */
const write = (host: string, answer: DnsAnswer, isExtended = true): Heard =>
  decoded(writeAnswer(ask(host, isExtended), answer, style))

const optionOf = ({ additionals = [] }: Packet): { code: number; text: string; record: Answer } | undefined => {
  const [record] = additionals
  if (record?.type !== 'OPT') return undefined
  const [option] = record.options
  if (option === undefined || !('data' in option) || !Buffer.isBuffer(option.data)) return undefined
  expect(option.code).toBe(15)
  return { code: option.data.readUInt16BE(), text: option.data.subarray(2).toString(), record }
}

const soa = {
  name: 'mesh',
  type: 'SOA',
  ttl: 5,
  data: { mname: 'mesh', rname: 'nobody.mesh', serial: 1, refresh: 3_600, retry: 600, expire: 86_400, minimum: 5 }
}

describe('an answer', () => {
  it('has the address under the name as it was asked for', () => {
    const answer = write('WEB.alice.MESH', { rcode: 'noError', address: '127.77.3.4' })
    expect(answer).toMatchObject({
      id: 4_711,
      type: 'response',
      rcode: 'NOERROR',
      flag_aa: true,
      flag_rd: true,
      flag_ra: false,
      questions: [{ name: 'WEB.alice.MESH', type: 'A', class: 'IN' }],
      answers: [{ name: 'WEB.alice.MESH', type: 'A', class: 'IN', ttl: 10, data: '127.77.3.4' }],
      authorities: []
    })
    expect(answer.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1_232, ednsVersion: 0, flag_do: true }])
  })

  it('says nothing of extensions to whoever does not', () => {
    const why = { code: 'other', text: 'because' } as const
    expect(write('a.mesh', { rcode: 'serverFailure', why }, false)).toMatchObject({
      rcode: 'SERVFAIL',
      flag_aa: false,
      additionals: []
    })
  })

  it('that there is nothing says for how long', () => {
    expect(write('web.Alice.Mesh', { rcode: 'noError', authority: 'beside' })).toMatchObject({
      rcode: 'NOERROR',
      answers: [],
      authorities: [{ ...soa, name: 'Mesh', data: { ...soa.data, mname: 'Mesh', rname: 'nobody.Mesh' } }]
    })
    expect(write('nobody.mesh', { rcode: 'nameError', authority: 'beside' })).toMatchObject({
      rcode: 'NXDOMAIN',
      authorities: [soa]
    })
    expect(write('mesh', { rcode: 'noError', authority: 'answer' })).toMatchObject({ answers: [soa], authorities: [] })
  })

  it('says why, cut between two letters', () => {
    const why = { code: 'noReachableAuthority', text: 'ü'.repeat(100) } as const
    const option = optionOf(write('a.mesh', { rcode: 'serverFailure', why }))
    expect(option).toMatchObject({ code: 22, text: 'ü'.repeat(75) })
    const odd = optionOf(write('a.mesh', { rcode: 'serverFailure', why: { ...why, text: `x${why.text}` } }))
    expect(odd?.text).toBe(`x${'ü'.repeat(74)}`)
  })

  it('to a version that is not spoken has the upper bits of its code in the extension', () => {
    const answer = write('a.mesh', { rcode: 'badVersion' })
    expect(answer.rcode).toBe('NOERROR')
    expect(answer.additionals).toMatchObject([{ extendedRcode: 1, ednsVersion: 0 }])
  })

  it('to what could not be read is a head alone', () => {
    const bytes = writeRefusal({ id: 9, opcode: 5, isRecursionDesired: false }, 'notImplemented')
    expect(bytes.toString('hex')).toBe('0009a8040000000000000000')
  })

  it('is never longer than 512 bytes, so that nothing has to be cut', () => {
    const host = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(56), 'mesh'].join('.')
    const why = { code: 'other', text: 'x'.repeat(1_000) } as const
    const query = ask(host)
    expect(query.question.nameBytes).toBe(255)
    for (const answer of [
      { rcode: 'nameError', authority: 'beside', why },
      { rcode: 'noError', authority: 'beside', why },
      { rcode: 'noError', address: '127.77.0.1', why }
    ] as const)
      expect(writeAnswer(query, answer, style).length).toBeLessThanOrEqual(512)
    expect(decoded(writeAnswer(query, { rcode: 'nameError', authority: 'beside', why }, style))).toMatchObject({
      authorities: [soa]
    })
  })
})
