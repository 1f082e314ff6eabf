import { MeshError } from '@agent-mesh/wire/errors'

type Schemas = typeof import('@agent-mesh/wire/api')

interface Schema<T> {
  safeParse: (value: unknown) => { success: true; data: T } | { success: false; error: Error }
}

export type PickSchema<T> = (api: Schemas) => Schema<T>

/** @throws MeshError API_UNREADABLE */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MeshError('API_UNREADABLE', 'The answer of the node is no JSON.', { cause })
  }
}

/** A value in its type by the word of whoever sent it. */
const isAsPicked = <T>(_pick: PickSchema<T>, _value: unknown, isTrusted: boolean): _value is T => isTrusted

/**
 * A value from the node in its type. The schemas are loaded where they are needed alone, see `apiFingerprint`.
 * @param isTrusted - whoever sent it has the very same documents
 * @throws MeshError API_UNREADABLE
 */
export const validate = async <T>(value: unknown, pick: PickSchema<T>, isTrusted: boolean): Promise<T> => {
  if (isAsPicked(pick, value, isTrusted)) return value
  const result = pick(await import('@agent-mesh/wire/api')).safeParse(value)
  if (result.success) return result.data
  throw new MeshError('API_UNREADABLE', 'The node answered something that this version does not understand.', {
    cause: result.error
  })
}
