import { z } from 'zod'
import { MeshError } from '@agent-mesh/wire/errors'
import type { LocalNode } from '../local-node.ts'
import { apiHint } from './problem.ts'

/** What a request brings, before it is checked. */
interface RawInput {
  params: unknown
  query: unknown
  body: unknown
}

interface Shapes<Params, Query, Body> {
  /** What stands in `{…}` of the path. */
  params?: z.ZodType<Params>
  query?: z.ZodType<Query>
  body?: z.ZodType<Body>
}

interface Description {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** With `{name}` for one part of the path and `{+name}` for all that follow. */
  path: string
  /** Name of the operation, unique. */
  operation: string
  /** One sentence for people. */
  summary: string
  /** Where it is more than `apiBodyBytes`. */
  mostBodyBytes?: number
  /** HTTP status of success. */
  status?: number
}

/** A request with one JSON document as its answer. */
export interface Route extends Description, Shapes<unknown, unknown, unknown> {
  kind: 'document'
  response: z.ZodType
  /** Checks the input and calls the node. @throws MeshError USAGE and what the node throws */
  call: (node: LocalNode, raw: RawInput, options: { signal: AbortSignal }) => Promise<unknown>
}

/** A route that answers with something else than one document; its handler is in a file of its own. */
export interface SpecialRoute extends Description, Shapes<unknown, unknown, unknown> {
  kind: 'openapi' | 'metrics' | 'events' | 'tunnel' | 'shutdown'
  response?: z.ZodType
}

export type AnyRoute = Route | SpecialRoute

interface Definition<Params, Query, Body> extends Description, Shapes<Params, Query, Body> {
  response: z.ZodType
  run: (
    node: LocalNode,
    input: { params: Params; query: Query; body: Body },
    options: { signal: AbortSignal }
  ) => unknown
}

/** For a part of a request that has no schema: it has to be empty, whatever its type is said to be. */
const nothing = <T>(): z.ZodType<T> =>
  z.custom<T>(
    (value) => value === null || value === undefined || Object.keys(value).length === 0,
    'nothing belongs there'
  )

/** One route, typed by its shapes. */
export const route = <Params, Query, Body>(definition: Definition<Params, Query, Body>): Route => {
  const { run, ...rest } = definition
  return {
    ...rest,
    kind: 'document',
    call: async (node, raw, options) => run(node, checkInput(definition, raw), options)
  }
}

const checkInput = <Params, Query, Body>(
  { params, query, body }: Shapes<Params, Query, Body>,
  raw: RawInput
): { params: Params; query: Query; body: Body } => ({
  params: check(params, raw.params, 'path'),
  query: check(query, raw.query, 'query'),
  body: check(body, raw.body, 'body')
})

/** A part of a request in its type; without a schema it has to be empty. @throws MeshError USAGE, with the field */
export const check = <T>(schema: z.ZodType<T> | undefined, value: unknown, part: 'path' | 'query' | 'body'): T => {
  const result = (schema ?? nothing<T>()).safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = issue === undefined ? '' : issue.path.map(String).join('.')
  const why = issue?.message ?? 'it does not validate'
  throw new MeshError('USAGE', `The ${part} of the request was refused${field === '' ? '' : ` at ${field}`}: ${why}.`, {
    hint: apiHint,
    details: { part, field }
  })
}
