import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { drawStored } from '../src/draw.ts'
import { store } from '../src/store.ts'
import type { Comparison } from '../src/summary.ts'

const comparison: Comparison = {
  workload: 'stream',
  describe: 'one TCP stream, iperf3',
  metrics: { up: { unit: 'bit/s', isHigherBetter: true } },
  samples: { direct: [{ up: 10e9 }], ssh: [{ up: 5e9 }], mesh: [{ up: 4e9 }] },
  skipped: { nebula: 'nebula is not installed' },
  loads: [0.1]
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-draw-'))
})
afterAll(async () => rm(folder, { recursive: true, force: true }))

it('says what to run where nothing is stored', async () => {
  const drawn = drawStored({ results: join(folder, 'none'), into: folder })
  await expect(drawn).rejects.toThrow('Nothing is stored yet. On a machine that does nothing else: npm run bench')
})

it('writes a chart and the section of the README, and leaves the rest of that alone', async () => {
  const results = join(folder, 'results')
  await store(comparison, 'namespaces', results)
  const page = join(folder, 'README.md')
  await writeFile(
    page,
    '# before\n\n<!-- bench: written by npm run bench -- --draw -->\nold\n<!-- /bench -->\n\nafter\n'
  )
  const first = await drawStored({ results, into: folder })
  const written = await readFile(page, 'utf8')
  expect(first).toEqual([join(folder, 'docs/charts/stream.svg'), page])
  expect(await readFile(join(folder, 'docs/charts/stream.svg'), 'utf8')).toContain('<svg')
  expect(written).toMatch(/^# before\n\n<!-- bench/)
  expect(written).toMatch(/<!-- \/bench -->\n\nafter\n$/)
  expect(written).not.toContain('old')
  expect(written).toMatch(/\| stream +\| up +\| 4\.00 Gbit\/s \| 10\.00 Gbit\/s \| 5\.00 Gbit\/s \| ×0\.40 +\| ×0\.80/)
  expect(written).toContain('![stream: one TCP stream, iperf3](docs/charts/stream.svg)')
  await drawStored({ results, into: folder })
  expect(await readFile(page, 'utf8')).toBe(written)
})
