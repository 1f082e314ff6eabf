import { z } from 'zod'
import * as api from '@agent-mesh/wire/api'
import { version } from '../version.ts'
import { problemType } from './problem.ts'
import type { AnyRoute } from './route.ts'
import { routes } from './routes.ts'

type Json = Record<string, unknown>

const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

/** Documents that are named in `components`; every other shape is written where it is used. */
const named = new Map<z.ZodType, string>(
  Object.entries(api)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, schema]) => (schema instanceof z.ZodType ? [[schema, capitalised(name)]] : []))
)

const components = (): Json => {
  const registry = z.registry<{ id: string }>()
  for (const [schema, name] of named) registry.add(schema, { id: name })
  // The input side: responses may grow fields that a reader has to ignore, and defaults make a request field optional.
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: (name) => `#/components/schemas/${name}` })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $id: _id, $schema: _schema, ...schema }]) => [name, schema])
  )
}

const refer = (schema: z.ZodType): Json => {
  const name = named.get(schema)
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  const { $schema: _, ...inline } = z.toJSONSchema(schema, { io: 'input' })
  return inline
}

const content = (schema: z.ZodType, type = 'application/json'): Json => ({
  content: { [type]: { schema: refer(schema) } }
})

const parameters = (place: 'path' | 'query', schema: z.ZodType | undefined): Json[] => {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries(properties).map(([name, inner]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: inner
  }))
}

const success = ({ kind, response }: AnyRoute): Json => {
  if (kind === 'tunnel') return { description: 'The connection carries the frames of one tunnel from here on.' }
  if (kind === 'metrics') return { description: 'Done.', content: { 'text/plain': { schema: { type: 'string' } } } }
  const type = kind === 'events' ? 'text/event-stream' : 'application/json'
  return { description: 'Done.', ...(response === undefined ? {} : content(response, type)) }
}

const operationOf = (route: AnyRoute): Json => ({
  operationId: route.operation,
  summary: route.summary,
  parameters: [...parameters('path', route.params), ...parameters('query', route.query)],
  ...(route.body === undefined ? {} : { requestBody: { required: true, ...content(route.body) } }),
  responses: {
    [String(route.status ?? 200)]: success(route),
    default: { description: 'A refusal or a failure.', ...content(api.problem, problemType) }
  }
})

/** The OpenAPI 3.1 document of the local API. */
export const openApiDocument = (): Json => {
  const paths: Record<string, Json> = {}
  for (const one of routes) {
    const path = one.path.replace('{+', '{')
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operationOf(one) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Local API of mesh-node',
      version,
      description: 'HTTP and JSON on the unix socket `api.sock` of the state directory.'
    },
    paths,
    components: { schemas: components() }
  }
}
