import { MeshError } from '@agent-mesh/wire/errors'

type Schemas = typeof import('@agent-mesh/wire/api')

interface Schema<T> {
  safeParse: (value: unknown) => { success: true; data: T } | { success: false; error: Error }
}

export type PickSchema<T> = (api: Schemas) => Schema<T>

/** Worth calling early: loading takes longer than most answers do. */
export const loadSchemas = (): Promise<Schemas> => import('@agent-mesh/wire/api')

/** @throws MeshError API_UNREADABLE */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MeshError('API_UNREADABLE', 'The answer of the node is no JSON.', { cause })
  }
}

/** A value from the node in its type. @throws MeshError API_UNREADABLE */
export const validate = async <T>(value: unknown, pick: PickSchema<T>): Promise<T> => {
  const result = pick(await loadSchemas()).safeParse(value)
  if (result.success) return result.data
  throw new MeshError('API_UNREADABLE', 'The node answered something that this version does not understand.', {
    cause: result.error
  })
}
