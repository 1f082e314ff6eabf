import { appendFile, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AuditEntry } from '@agent-mesh/wire/api'
import { followAudit, readAudit } from '@agent-mesh/node/audit'
import { AuditFile } from '../../src/audit/audit-file.ts'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { entryOfTunnel } from '../../src/audit/audit-trail.ts'
import { formatEntry, parseEntry } from '../../src/audit/entry.ts'
import { Repeats } from '../../src/audit/repeats.ts'
import { isFull, fileNameOf, numbersIn, rotationSteps } from '../../src/audit/rotation.ts'

const entry = (fields: Partial<AuditEntry> = {}): AuditEntry => ({
  time: '2026-11-22T16:00:00.000Z',
  kind: 'open',
  node: 'alice-id',
  peer: 'bob-id',
  name: 'bob',
  service: 'web',
  ...fields
})

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-audit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('a line', () => {
  it('comes back as it was, and shows a terminal nothing that it would act on', () => {
    const evil = entry({ name: 'b\u001b[31mo\u202eb\n{"kind":"admit"}\u2028\u0085\u{e0001}', rule: 'ü, 日本, 🚀' })
    const line = formatEntry(evil)
    expect(line.endsWith('\n')).toBe(true)
    expect(line.slice(0, -1)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(line).toContain('🚀')
    expect(parseEntry(line)).toEqual(evil)
  })

  it('is bounded, whatever comes from outside', () => {
    expect(formatEntry(entry({ name: 'x'.repeat(100_000), rule: '\u0000'.repeat(100_000) })).length).toBeLessThan(5_000)
  })

  it.each(['', '{', '{"time":"2026-11-22T16:00:00.000Z","kind":"op', '[]', '{"time":"x","kind":"other","node":"y"}'])(
    'is none: %j',
    (line) => {
      expect(parseEntry(line)).toBeUndefined()
    }
  )
})

describe('rotation', () => {
  it('is due before the line that does not fit, and not for an empty file', () => {
    expect([isFull(0, 200, 100), isFull(50, 50, 100), isFull(51, 50, 100)]).toEqual([false, false, true])
  })

  it('moves the files up and lets the oldest go', () => {
    expect(rotationSteps(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2', 'other', 'audit.jsonl.x'], 2)).toEqual([
      { remove: 'audit.jsonl.2' },
      { from: 'audit.jsonl.1', to: 'audit.jsonl.2' },
      { from: 'audit.jsonl', to: 'audit.jsonl.1' }
    ])
    expect(rotationSteps(['audit.jsonl', 'audit.jsonl.1'], 0)).toEqual([
      { remove: 'audit.jsonl.1' },
      { remove: 'audit.jsonl' }
    ])
    expect(numbersIn(['audit.jsonl.10', 'audit.jsonl.2', 'audit.jsonl', 'lock']).map(fileNameOf)).toEqual([
      'audit.jsonl.10',
      'audit.jsonl.2'
    ])
    expect(fileNameOf(0)).toBe('audit.jsonl')
  })
})

describe('denials that repeat', () => {
  it('become one entry with their number', () => {
    const repeats = new Repeats()
    const denied = { kind: 'deny', peer: 'eve', service: 'web', rule: 'r', code: 'DENIED' } as const
    const opened = { kind: 'open', peer: 'bob' } as const
    const written = [0, 1, 2, 9_999].flatMap((ms) => repeats.take(denied, ms))
    expect(written).toEqual([denied])
    expect([...repeats.take(opened, 5), ...repeats.take(opened, 5)]).toEqual([opened, opened])
    expect(repeats.due(9_999)).toEqual([])
    expect(repeats.due(10_000)).toEqual([{ ...denied, count: 3 }])
    expect(repeats.isEmpty).toBe(true)
  })

  it('are counted and bounded when everyone is somebody else', () => {
    const repeats = new Repeats()
    const written = Array.from({ length: 10_000 }, (_, i) =>
      repeats.take({ kind: 'refuse', peer: `stranger-${i}`, code: 'NOT_A_MEMBER' }, 0)
    ).flat()
    const due = repeats.due(Infinity)
    expect(written.length).toBeLessThan(300)
    expect(written.length + due.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(10_000)
  })
})

const nameOf = (): string => 'bob'

describe('what the data plane reports', () => {
  const fields = { id: 1, peerId: 'bob-id', service: 'web', direction: 'inbound' as const }
  it('becomes an entry without its message, which says where a service lives', () => {
    expect(
      entryOfTunnel(
        {
          event: 'tunnel:refused',
          peerId: 'bob-id',
          service: 'web',
          code: 'UPSTREAM_REFUSED',
          message: 'The service at 10.0.0.1:80 refused.',
          durationMs: 3
        },
        nameOf
      )
    ).toEqual({
      kind: 'refuse',
      peer: 'bob-id',
      name: 'bob',
      service: 'web',
      code: 'UPSTREAM_REFUSED',
      bytesIn: 0,
      bytesOut: 0,
      durationMs: 3
    })
    expect(
      entryOfTunnel(
        { event: 'tunnel:closed', ...fields, bytesIn: 1, bytesOut: 2, durationMs: 3, rule: 'grant 1' },
        nameOf
      )
    ).toEqual({
      kind: 'close',
      peer: 'bob-id',
      name: 'bob',
      service: 'web',
      rule: 'grant 1',
      bytesIn: 1,
      bytesOut: 2,
      durationMs: 3
    })
    expect(entryOfTunnel({ event: 'tunnel:opened', ...fields, direction: 'outbound' }, nameOf)).toBeUndefined()
  })
})

interface Opened {
  folder: string
  log: AuditLog
  faults: string[]
}

const openLog = async (options: { maxBytes?: number; keep?: number } = {}): Promise<Opened> => {
  const folder = join(await newFolder(), 'audit')
  const faults: string[] = []
  const file = new AuditFile({ folder, maxBytes: 1_000_000, keep: 8, ...options })
  const log = new AuditLog({ file, node: 'alice-id', onFault: (message) => faults.push(message) })
  onTestFinished(() => log.close())
  return { folder, log, faults }
}

const opened = (service: string) => ({ kind: 'open', peer: 'bob-id', service }) as const
const servicesOf = (entries: AuditEntry[]): Array<string | undefined> => entries.map(({ service }) => service)

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

describe('the log on disk', () => {
  it('is there half a second later, for its owner alone', async () => {
    const { folder, log } = await openLog()
    log.record(opened('web'))
    await vi.waitFor(async () => expect(await readAudit(folder, {}, 10)).toHaveLength(1), { timeout: 1_000 })
    expect((await stat(join(folder, 'audit.jsonl'))).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect(log.state).toEqual({ written: 1, waiting: 0, lost: 0 })
  })

  it('keeps as many files as it may, each as large as it may, and is read over all of them', async () => {
    const { folder, log } = await openLog({ maxBytes: 1_000, keep: 3 })
    for (let i = 0; i < 60; i++) {
      log.record(opened(`s${i}`))
      await log.flush()
    }
    expect((await readdir(folder)).toSorted()).toEqual([
      'audit.jsonl',
      'audit.jsonl.1',
      'audit.jsonl.2',
      'audit.jsonl.3'
    ])
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).size).toBeLessThanOrEqual(1_000)
    const all = servicesOf(await readAudit(folder, {}, 1_000))
    expect(all.length).toBeGreaterThan(20)
    expect(all).toEqual(Array.from({ length: all.length }, (_, i) => `s${60 - all.length + i}`))
    expect(servicesOf(await readAudit(folder, {}, 15))).toEqual(all.slice(-15))
  })

  it('goes on behind a line that a crash cut short, and passes over it', async () => {
    const { folder, log } = await openLog()
    log.record(opened('one'))
    await log.flush()
    await appendFile(join(folder, 'audit.jsonl'), '{"time":"2026-11-22T16:00')
    expect(servicesOf(await readAudit(folder, {}, 10))).toEqual(['one'])
    log.record(opened('two'))
    await log.flush()
    expect(servicesOf(await readAudit(folder, {}, 10))).toEqual(['one', 'two'])
  })

  it('is filtered by who, what, and when', async () => {
    const folder = await newFolder()
    const lines = [
      entry({ time: at(0), peer: 'bob-id', name: 'bob', service: 'web', kind: 'open' }),
      entry({ time: at(1), peer: 'eve-id', name: 'eve', service: 'web', kind: 'deny' }),
      entry({ time: at(2), peer: 'bob-id', name: 'bob', service: 'ssh', kind: 'deny' })
    ]
    await writeFile(join(folder, 'audit.jsonl'), lines.map(formatEntry).join(''))
    const minutes = async (filter: Parameters<typeof readAudit>[1]): Promise<number[]> =>
      (await readAudit(folder, filter, 10)).map(({ time }) => new Date(time).getUTCMinutes())
    expect(await minutes({ peer: 'bob' })).toEqual([0, 2])
    expect(await minutes({ peer: 'eve-id' })).toEqual([1])
    expect(await minutes({ kind: 'deny', service: 'web' })).toEqual([1])
    expect(await minutes({ sinceMs: Date.parse(at(1)) })).toEqual([1, 2])
    expect(await minutes({ untilMs: Date.parse(at(1)) })).toEqual([0, 1])
    expect(await readAudit(join(folder, 'nowhere'), {}, 10)).toEqual([])
  })

  it('is followed over rotations, from the next line on', async () => {
    const { folder, log } = await openLog({ maxBytes: 600, keep: 8 })
    log.record(opened('before'))
    await log.flush()
    const stop = new AbortController()
    const heard: Array<string | undefined> = []
    const following = (async () => {
      for await (const { service } of followAudit(folder, {}, { signal: stop.signal })) heard.push(service)
    })()
    await vi.waitFor(
      async () => {
        log.record(opened('first'))
        await log.flush()
        expect(heard.length).toBeGreaterThan(0)
      },
      { timeout: 5_000, interval: 300 }
    )
    heard.length = 0
    for (let i = 0; i < 12; i++) {
      log.record(opened(`s${i}`))
      await log.flush()
      if (i % 2 === 1) await vi.waitFor(() => expect(heard).toContain(`s${i}`), 5_000)
    }
    expect(heard.filter((one) => one !== 'first')).toEqual(Array.from({ length: 12 }, (_, i) => `s${i}`))
    stop.abort()
    await following
  })
})

describe('a disk that fails', () => {
  it('that is full: entries wait, it is said once, and nothing is lost when there is room again', async () => {
    const { folder, log, faults } = await openLog()
    await mkdir(folder)
    await symlink('/dev/full', join(folder, 'audit.jsonl'))
    for (const service of ['a', 'b']) {
      log.record(opened(service))
      await log.flush()
    }
    expect(faults).toEqual([expect.stringContaining('ENOSPC')])
    expect(log.state).toMatchObject({ written: 0, waiting: 2, lost: 0, fault: expect.stringContaining('ENOSPC') })
    await rm(join(folder, 'audit.jsonl'))
    await log.flush()
    expect(servicesOf(await readAudit(folder, {}, 10))).toEqual(['a', 'b'])
    expect(log.state).toEqual({ written: 2, waiting: 0, lost: 0 })
  })

  it('that has no place for a folder: it goes on when there is one', async () => {
    const { folder, log, faults } = await openLog()
    await writeFile(folder, 'a file where the folder belongs')
    log.record(opened('a'))
    await log.flush()
    expect(faults).toHaveLength(1)
    await rm(folder)
    await log.flush()
    expect(servicesOf(await readAudit(folder, {}, 10))).toEqual(['a'])
  })

  it('whose folder was removed: it is made again', async () => {
    const { folder, log, faults } = await openLog()
    log.record(opened('a'))
    await log.flush()
    await rm(folder, { recursive: true })
    log.record(opened('b'))
    await log.flush()
    expect(faults).toEqual([])
    expect(servicesOf(await readAudit(folder, {}, 10))).toEqual(['b'])
  })

  it('for long: memory is bounded, and what found no room is counted', async () => {
    const { folder, log, faults } = await openLog({ maxBytes: 100_000_000 })
    await writeFile(folder, '')
    const rule = 'x'.repeat(290)
    for (let i = 0; i < 20_000; i++) log.record({ ...opened('a'), rule })
    await log.flush()
    const { waiting, lost } = log.state
    expect(faults).toHaveLength(1)
    expect(lost).toBeGreaterThan(0)
    expect(waiting + lost).toBe(20_000)
    expect(waiting).toBeLessThan((4 * 1024 * 1024) / 290)
    await rm(folder)
    await log.flush()
    expect((await readFile(join(folder, 'audit.jsonl'), 'utf8')).split('\n')).toHaveLength(waiting + 1)
  })
})
