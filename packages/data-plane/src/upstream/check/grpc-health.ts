/**
 * The two messages of grpc.health.v1.Health/Check, framed as gRPC frames them: a flag, four bytes of length, the message.
 * Each has one field, so that a code generator would be the larger part.
 */

/** `HealthCheckResponse.ServingStatus`. */
export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

const statuses: ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const frameHeaderBytes = 5

const varint = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return [...bytes, rest]
}

/** `HealthCheckRequest { string service = 1 }`; the empty name asks for the server as a whole. */
export const encodeHealthRequest = (service: string): Uint8Array => {
  const name = Buffer.from(service, 'utf8')
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0a, ...varint(name.length)), name])
  const header = Buffer.alloc(frameHeaderBytes)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

interface Reader {
  bytes: Uint8Array
  at: number
}

const readVarint = (reader: Reader): number | undefined => {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined) return undefined
    if (shift < 28) value += (byte & 0x7f) * 2 ** shift
    if ((byte & 0x80) === 0) return value
  }
  return undefined
}

/** Steps over the value of a field that is not known. @returns false where the message ends within it */
const skip = (reader: Reader, wireType: number): boolean => {
  if (wireType === 0) return readVarint(reader) !== undefined
  const length = wireType === 1 ? 8 : wireType === 5 ? 4 : wireType === 2 ? readVarint(reader) : undefined
  if (length === undefined) return false
  reader.at += length
  return reader.at <= reader.bytes.length
}

/**
 * `HealthCheckResponse { ServingStatus status = 1 }`.
 * @returns undefined for anything that is not one whole, uncompressed message of that kind
 */
export const decodeHealthResponse = (body: Uint8Array): ServingStatus | undefined => {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (view.length < frameHeaderBytes || view[0] !== 0) return undefined
  const reader: Reader = { bytes: view.subarray(frameHeaderBytes), at: 0 }
  if (view.readUInt32BE(1) !== reader.bytes.length) return undefined
  let status: ServingStatus | undefined = 'UNKNOWN'
  while (reader.at < reader.bytes.length) {
    const tag = readVarint(reader)
    if (tag === undefined) return undefined
    if (tag === 0x08) {
      const value = readVarint(reader)
      if (value === undefined) return undefined
      status = statuses[value] ?? 'UNKNOWN'
    } else if (!skip(reader, tag & 7)) return undefined
  }
  return status
}
