import { MeshError } from '@agent-mesh/wire'
import { elementsOf, valuesOf, type Field, type RequestHead, type ResponseHead } from './head.ts'

/** How the end of a body is found. */
export type Framing = { by: 'none' } | { by: 'length'; bytes: number } | { by: 'chunks' } | { by: 'close' }

const invalid = (why: string): MeshError => new MeshError('HTTP_INVALID', `The request is refused: ${why}.`)

/** RFC 9112 §6.3: two lengths that differ, and even two that agree, are how requests are smuggled. */
const lengthOf = (fields: readonly Field[]): number | undefined => {
  const values = valuesOf(fields, 'content-length')
  const [value] = values
  if (value === undefined) return undefined
  if (values.length > 1) throw invalid('it has more than one Content-Length')
  if (!/^\d{1,15}$/.test(value)) throw invalid('its Content-Length is not a number')
  return Number(value)
}

/** Only `chunked`, alone: nothing else is used in practice, and programs differ in how they read it. */
const isChunked = (fields: readonly Field[]): boolean => {
  const values = valuesOf(fields, 'transfer-encoding')
  if (values.length === 0) return false
  if (values.length > 1 || values[0]?.toLowerCase() !== 'chunked')
    throw invalid('its Transfer-Encoding is not just "chunked"')
  return true
}

/** @throws MeshError HTTP_INVALID */
export const requestFraming = ({ version, fields }: RequestHead): Framing => {
  const length = lengthOf(fields)
  if (isChunked(fields)) {
    if (length !== undefined) throw invalid('it has both a Content-Length and a Transfer-Encoding')
    if (version === '1.0') throw invalid('HTTP/1.0 knows no Transfer-Encoding')
    return { by: 'chunks' }
  }
  return length === undefined || length === 0 ? { by: 'none' } : { by: 'length', bytes: length }
}

/** @throws MeshError HTTP_INVALID where the answer cannot be followed */
export const responseFraming = ({ status, fields }: ResponseHead, method: string): Framing => {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { by: 'none' }
  const encodings = elementsOf(fields, 'transfer-encoding')
  if (encodings.length > 0) return encodings.at(-1) === 'chunked' ? { by: 'chunks' } : { by: 'close' }
  const length = lengthOf(fields)
  if (length === undefined) return { by: 'close' }
  return length === 0 ? { by: 'none' } : { by: 'length', bytes: length }
}
