import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { encode, type Packet } from 'dns-packet'
import { expect } from 'vitest'
import { decoded, type Heard } from './decoded.ts'

const opt = {
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize: 1_232,
  flags: 0,
  extendedRcode: 0,
  ednsVersion: 0,
  flag_do: false,
  options: []
}

/** A question with an extension, as another implementation writes it. */
export const query = (name: string, type: 'A' | 'AAAA' | 'SOA' | 'TXT' | 'AXFR' | 'ANY' = 'A'): Buffer => {
  const known = type === 'ANY' ? 'A' : type
  const bytes = encode({
    type: 'query',
    id: 77,
    flags: 0x0100,
    questions: [{ name, type: known }],
    additionals: [opt]
  })
  if (type === 'ANY') bytes.writeUInt16BE(255, bytes.length - 11 - 4)
  return bytes
}

/** Sends one datagram and waits for one. */
export const overUdp = async (port: number, message: Buffer): Promise<Heard> => {
  const socket = createSocket('udp4')
  try {
    socket.send(message, port, '127.0.0.1')
    const [answer]: unknown[] = await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })
    if (!Buffer.isBuffer(answer)) throw new Error('no answer')
    expect(answer.length).toBeLessThanOrEqual(512)
    return decoded(answer)
  } finally {
    socket.close()
  }
}

/** With its length before it, for TCP. */
export const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

const unframed = (bytes: Buffer): Heard[] => {
  const heard: Heard[] = []
  for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at))
    heard.push(decoded(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at))))
  return heard
}

/** Sends all of it, in these parts, and reads to the end. */
export const overTcp = async (port: number, ...parts: Buffer[]): Promise<Heard[]> => {
  const socket = connect({ host: '127.0.0.1', port })
  socket.setNoDelay(true)
  socket.on('error', () => {})
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'connect')
  for (const part of parts) {
    socket.write(part)
    await new Promise(setImmediate)
  }
  socket.end()
  await once(socket, 'close')
  return unframed(Buffer.concat(chunks))
}

/** Code and text of the explanation of an answer (RFC 8914). */
export const whyOf = ({ additionals = [] }: Packet): string => {
  const [record] = additionals
  const option = record?.type === 'OPT' ? record.options[0] : undefined
  return option !== undefined && 'data' in option && Buffer.isBuffer(option.data)
    ? `${option.data.readUInt16BE()} ${option.data.subarray(2).toString()}`
    : ''
}
