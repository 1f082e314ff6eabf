import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { MeshError, type ErrorCode } from './errors.ts'

interface Decodable<T> {
  decode: (bytes: Uint8Array<ArrayBuffer>) => T
}

/**
 * Decodes one protobuf message from outside: size first, then shape; whatever is wrong ends in one typed error.
 * @param most - largest size in bytes that is looked at
 * @param code - what the error is called; TUNNEL_PROTOCOL, RECORD_INVALID, …
 * @param what - noun for the message
 * @throws MeshError with `code`
 */
export const decodeMessage = <T>(
  codec: Decodable<T>,
  bytes: Uint8Array,
  most: number,
  code: ErrorCode,
  what: string
): T => {
  if (bytes.length > most) throw new MeshError(code, `The ${what} has ${bytes.length} bytes; ${most} are allowed.`)
  try {
    return codec.decode(withArrayBuffer(bytes))
  } catch (cause) {
    throw new MeshError(code, `The ${what} is not a valid message.`, { cause })
  }
}
