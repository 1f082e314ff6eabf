import { afterAll, beforeAll, describe, it } from 'vitest'
import { ConformanceTable } from '@agent-mesh/testkit/conformance'
import { harmRows, layerRows } from './conformance/layer-rows.ts'
import { startRig, type Rig } from './conformance/rig.ts'
import { protocolRows } from './conformance/socks-rows.ts'

let rig: Rig
const table = new ConformanceTable(
  'SOCKS proxy, by RFC 1928, and the failing layer that both proxies name, by RFC 9209'
)

beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => {
  process.stdout.write(table.text)
})

describe.concurrent('the SOCKS proxy of a process', () => {
  for (const row of [...protocolRows, ...layerRows]) it(`${row.section}: ${row.what}`, () => table.check(row, rig))
})

describe('both proxies, of an agent that comes to harm', () => {
  for (const row of harmRows) it(`${row.section}: ${row.what}`, () => table.check(row, rig))
})
