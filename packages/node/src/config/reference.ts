import { z } from 'zod'
import { configSchema } from './schema.ts'

interface JsonSchema {
  description?: string | undefined
  default?: unknown
  properties?: Record<string, JsonSchema> | undefined
  items?: JsonSchema | undefined
  enum?: unknown[] | undefined
}

/** The part of JSON Schema that a reference is made of. */
const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.object({
    description: z.string().optional(),
    default: z.unknown().optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
    items: jsonSchema.optional(),
    enum: z.array(z.unknown()).optional()
  })
)

/** One setting of the configuration file. */
export interface SettingReference {
  key: string
  description: string
  default: string
}

const walk = (schema: JsonSchema, path: string): SettingReference[] => {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([key, inner]) =>
      walk(inner, path === '' ? key : `${path}.${key}`)
    )
  }
  const choices =
    schema.enum === undefined ? '' : ` One of ${schema.enum.map((one) => `\`${String(one)}\``).join(', ')}.`
  const own = {
    key: path,
    description: `${schema.description ?? ''}${choices}`,
    default: schema.default === undefined ? '' : JSON.stringify(schema.default)
  }
  return [own, ...(schema.items?.properties === undefined ? [] : walk(schema.items, `${path}[]`))]
}

/** Every setting with its description and default, in the order of the schema. */
export const configReference = (): SettingReference[] =>
  walk(jsonSchema.parse(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })), '')
