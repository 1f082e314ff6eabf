const varint = (bytes: Uint8Array, at: number): { value: number; end: number } => {
  let value = 0
  let scale = 1
  let end = at
  for (;;) {
    const byte = bytes[end++] ?? 0
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) return { value, end }
  }
}

/** The fields of a message as they lie in its bytes. Our messages use varints and lengths only. */
export const fieldsOf = (bytes: Uint8Array): Array<{ tag: number; raw: Uint8Array }> => {
  const fields = []
  for (let at = 0; at < bytes.length;) {
    const { value: tag, end: afterTag } = varint(bytes, at)
    const { value, end } = varint(bytes, afterTag)
    const next = (tag & 7) === 2 ? end + value : end
    fields.push({ tag, raw: bytes.subarray(at, next) })
    at = next
  }
  return fields
}

/** Bytes, letters and entries that a decoded message holds. */
export const weigh = (value: unknown): number => {
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) return value.reduce<number>((sum, entry) => sum + 1 + weigh(entry), 0)
  if (typeof value === 'object' && value !== null) return weigh(Object.values(value)) - Object.keys(value).length
  return 0
}
