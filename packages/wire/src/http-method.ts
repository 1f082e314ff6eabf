/** RFC 9110, section 9.2.2; methods are told apart by case. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Doing it twice means the same as once. */
export const isIdempotent = (method: string): boolean => idempotent.has(method)
