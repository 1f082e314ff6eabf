import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { z } from 'zod'
import * as api from '@agent-mesh/wire/api'
import { apiFingerprint } from '@agent-mesh/wire/api-fingerprint'

it('is that of the schemas; where they changed, write the received value into src/api/fingerprint.ts', () => {
  const shapes = Object.entries(api)
    .flatMap(([name, schema]) => (schema instanceof z.ZodType ? [[name, z.toJSONSchema(schema)] as const] : []))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  expect(shapes.length).toBeGreaterThan(20)
  expect(createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 16)).toBe(apiFingerprint)
})
