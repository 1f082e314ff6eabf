import { afterAll, beforeAll, describe, it } from 'vitest'
import { ConformanceTable } from '@agent-mesh/testkit/conformance'
import { bodyRows } from './conformance/body-rows.ts'
import { connectionRows } from './conformance/connection-rows.ts'
import { messageRows } from './conformance/message-rows.ts'
import { startRig, type Rig } from './conformance/rig.ts'

let rig: Rig
const table = new ConformanceTable('HTTP proxy, by RFC 9110, 9112 and 9209')

beforeAll(async () => {
  rig = await startRig()
})
afterAll(async () => {
  await rig.stop()
  process.stdout.write(table.text)
})

describe('the HTTP proxy', () => {
  for (const row of [...messageRows, ...bodyRows, ...connectionRows])
    it(`${row.section}: ${row.what}`, () => table.check(row, rig))
})
