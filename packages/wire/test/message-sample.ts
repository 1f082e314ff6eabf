import { decodeMessage, type ErrorCode } from '@agent-mesh/wire'

export const bytes = (length: number, fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(fill)

/** One kind of message with every field set, and how it is read from outside. */
export interface Sample {
  name: string
  value: object
  encoded: Uint8Array<ArrayBuffer>
  most: number
  code: ErrorCode
  decode: (bytes: Uint8Array, most?: number) => object
}

interface Codec<T> {
  encode: (value: T) => Uint8Array<ArrayBuffer>
  decode: (bytes: Uint8Array<ArrayBuffer>) => T
}

export const sample = <T extends object>(
  name: string,
  codec: Codec<T>,
  value: T,
  most: number,
  code: ErrorCode
): Sample => ({
  name,
  value,
  encoded: codec.encode(value),
  most,
  code,
  decode: (from, bound = most) => decodeMessage(codec, from, bound, code, name)
})
