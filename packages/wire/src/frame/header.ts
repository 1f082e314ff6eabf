import { limits } from '../limits.ts'
import { MeshError } from '../errors.ts'

/** Frame types of a tunnel. DATA carries payload; CREDIT and RESET a 4-byte number; FIN nothing. */
export const frameTypes = { data: 0, fin: 1, reset: 2, credit: 3 } as const

export type FrameType = (typeof frameTypes)[keyof typeof frameTypes]

/** `u8 type, u24 length`, big-endian: the whole overhead of a frame. */
export const frameHeaderBytes = 4

/** Header of a frame whose payload has `length` bytes. */
export const encodeHeader = (type: FrameType, length: number): Uint8Array =>
  Uint8Array.of(type, length >>> 16, (length >>> 8) & 0xff, length & 0xff)

const encodeNumber = (type: FrameType, value: number): Uint8Array =>
  Uint8Array.of(type, 0, 0, 4, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)

export const encodeFin = (): Uint8Array => encodeHeader(frameTypes.fin, 0)

/** @param wireCode - number of an error code */
export const encodeReset = (wireCode: number): Uint8Array => encodeNumber(frameTypes.reset, wireCode)

/** @param bytes - how much more the other side may send, below 2^32 */
export const encodeCredit = (bytes: number): Uint8Array => encodeNumber(frameTypes.credit, bytes)

/** Length of the payload that the type allows, or a TUNNEL_PROTOCOL error. */
export const checkHeader = (type: number, length: number): FrameType => {
  switch (type) {
    case frameTypes.data:
      if (length === 0 || length > limits.frameBytes)
        throw new MeshError(
          'TUNNEL_PROTOCOL',
          `A DATA frame announces ${length} bytes; 1 to ${limits.frameBytes} are allowed.`
        )
      return type
    case frameTypes.fin:
      if (length !== 0) throw new MeshError('TUNNEL_PROTOCOL', `A FIN frame announces ${length} bytes.`)
      return type
    case frameTypes.reset:
    case frameTypes.credit:
      if (length !== 4)
        throw new MeshError('TUNNEL_PROTOCOL', `A frame of type ${type} announces ${length} bytes instead of 4.`)
      return type
    default:
      throw new MeshError('TUNNEL_PROTOCOL', `There is no frame of type ${type}.`)
  }
}
