import { z } from 'zod'
import { configSchema } from './schema.ts'

interface JsonSchema {
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  enum?: unknown[]
}

/** One setting of the configuration file. */
export interface SettingReference {
  key: string
  description: string
  default: string
}

const walk = (schema: JsonSchema, path: string): SettingReference[] => {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([key, inner]) => walk(inner, path === '' ? key : `${path}.${key}`))
  }
  const choices = schema.enum === undefined ? '' : ` One of ${schema.enum.map(one => `\`${String(one)}\``).join(', ')}.`
  const own = { key: path, description: `${schema.description ?? ''}${choices}`, default: schema.default === undefined ? '' : JSON.stringify(schema.default) }
  return [own, ...(schema.items?.properties === undefined ? [] : walk(schema.items, `${path}[]`))]
}

/** Every setting with its description and default, in the order of the schema. */
export const configReference = (): SettingReference[] =>
  walk(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '')
