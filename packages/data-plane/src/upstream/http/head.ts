import { limits, MeshError } from '@agent-mesh/wire'

/** One field line of a head, as it came. */
export interface Field {
  /** As it was written. */
  name: string
  /** Without the white space around it. */
  value: string
}

export interface RequestHead {
  method: string
  target: string
  version: '1.0' | '1.1'
  fields: Field[]
}

export interface ResponseHead {
  status: number
  fields: Field[]
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** No control characters but the tab; bytes above 0x7f are text of some older encoding. */
const content = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\u0021-\u007e\u0080-\u00ff]+) HTTP\/(1\.[01])$/
const statusLine = /^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/

const invalid = (why: string): MeshError => new MeshError('HTTP_INVALID', `The request is refused: ${why}.`)

/** `name: value`, RFC 9112 §5: no white space before the colon, no continuation on a further line. */
export const parseField = (line: string): Field => {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  if (!token.test(name)) throw invalid(colon === -1 ? 'a line of its head has no colon' : 'a field has no valid name')
  const value = line.slice(colon + 1).replaceAll(/^[\t ]+|[\t ]+$/g, '')
  if (!content.test(value)) throw invalid(`the field ${name.slice(0, 40)} holds a control character`)
  return { name, value }
}

/** The lines of a head without the empty one; only CRLF ends a line. */
const linesOf = (bytes: Buffer): string[] => {
  const text = bytes.toString('latin1')
  const lines = text.split('\r\n')
  if (lines.some((line) => line.includes('\n') || line.includes('\r')))
    throw invalid('a line of its head does not end with CRLF')
  return lines
}

/**
 * The head of a request, as strict as RFC 9112 lets a recipient be: whatever two programs could read in two ways is
 * refused, so that no request hides in another.
 * @param bytes - without the empty line at its end
 * @throws MeshError HTTP_INVALID
 */
export const parseRequestHead = (bytes: Buffer): RequestHead => {
  const [first = '', ...rest] = linesOf(bytes)
  const match = requestLine.exec(first)
  if (match === null) throw invalid('its first line is not <method> <target> HTTP/1.1')
  const [, method = '', target = '', version] = match
  if (rest.length > limits.httpFields) throw invalid(`it has more than ${limits.httpFields} fields`)
  const fields = rest.map(parseField)
  return { method, target, version: version === '1.0' ? '1.0' : '1.1', fields }
}

/** @throws MeshError HTTP_INVALID where it is no head of a response */
export const parseResponseHead = (bytes: Buffer): ResponseHead => {
  const [first = '', ...rest] = linesOf(bytes)
  const match = statusLine.exec(first)
  if (match === null) throw invalid('the answer is not HTTP/1.1')
  return { status: Number(match[1]), fields: rest.map(parseField) }
}

/** Values of all fields of a name, which is in lower case. */
export const valuesOf = (fields: readonly Field[], name: string): string[] =>
  fields.filter((field) => field.name.toLowerCase() === name).map((field) => field.value)

/** Elements of a comma-separated list that may stand in several fields, in lower case. */
export const elementsOf = (fields: readonly Field[], name: string): string[] =>
  valuesOf(fields, name)
    .flatMap((value) => value.split(','))
    .map((element) => element.trim().toLowerCase())
    .filter((element) => element !== '')
