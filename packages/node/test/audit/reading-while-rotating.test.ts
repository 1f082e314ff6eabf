import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { AuditEntry } from '@agent-mesh/wire/api'
import { followAudit, readAudit } from '@agent-mesh/node/audit'
import { AuditFile } from '../../src/audit/audit-file.ts'
import { formatEntry } from '../../src/audit/entry.ts'

const lineOf = (number: number): string =>
  formatEntry({ time: new Date(1e12 + number).toISOString(), kind: 'open', node: 'alice-id', service: `s${number}` })
const numberOf = ({ service = '' }: AuditEntry): number => Number(service.slice(1))

/** A log that begins a new file with every eighth line, or nearly so. */
const newLog = async (keep: number): Promise<{ folder: string; write: (count: number) => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-audit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = new AuditFile({ folder, maxBytes: 8 * lineOf(1_000).length, keep })
  let written = 0
  return {
    folder,
    write: async (count) => {
      for (let i = 0; i < count; i++) await file.append([lineOf(written++)])
    }
  }
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i)

it('a log that is read while it is rotated loses no line and shows none twice', async () => {
  const lines = 400
  const { folder, write } = await newLog(lines)
  const writing = { isOver: false }
  const written = write(lines).finally(() => {
    writing.isOver = true
  })
  let reads = 0
  let before = 0
  while (!writing.isOver) {
    const found = (await readAudit(folder, {}, lines)).map(numberOf)
    expect(found).toEqual(upTo(found.length))
    expect(found.length).toBeGreaterThanOrEqual(before)
    before = found.length
    reads++
  }
  await written
  expect(reads).toBeGreaterThan(5)
  expect((await readAudit(folder, {}, lines)).map(numberOf)).toEqual(upTo(lines))
})

it('a log that is followed tells each line once, however many rotations lie between two looks', async () => {
  const { folder, write } = await newLog(1_000)
  await write(25)
  const stop = new AbortController()
  const heard: number[] = []
  const following = (async () => {
    for await (const entry of followAudit(folder, {}, { signal: stop.signal, last: 10 })) heard.push(numberOf(entry))
  })()
  await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(10), { timeout: 5_000, interval: 5 })
  for (const end of [125, 225, 325]) {
    await write(100)
    await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(end - 15), {
      timeout: 5_000,
      interval: 20
    })
    expect(heard).toEqual(upTo(end).slice(15))
  }
  stop.abort()
  await following
})

it('a log that is followed goes on with the oldest file that is left where rotation was faster', async () => {
  const { folder, write } = await newLog(2)
  await write(1)
  const stop = new AbortController()
  const heard: number[] = []
  const following = (async () => {
    for await (const entry of followAudit(folder, {}, { signal: stop.signal, last: 1 })) heard.push(numberOf(entry))
  })()
  await vi.waitFor(() => expect(heard).toEqual([0]), { timeout: 5_000, interval: 5 })
  await write(199)
  await vi.waitFor(() => expect(heard.at(-1)).toBe(199), { timeout: 5_000, interval: 20 })
  expect(heard).toEqual([...new Set(heard)].toSorted((a, b) => a - b))
  expect(heard.slice(-3)).toEqual([197, 198, 199])
  stop.abort()
  await following
})
