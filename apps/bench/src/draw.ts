import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chart } from './chart.ts'
import { benchSection, withSection } from './readme.ts'
import { readStored, resultsFolder, type Stored } from './store.ts'
import { workloads } from './workloads/index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface DrawOptions {
  /** Where results are stored. */
  results?: string
  /** Where `README.md` and `docs/charts` are. */
  into?: string
}

const noteOf = ({ comparison, machine, measuredAt, place }: Stored): string => {
  const rounds = Math.max(...Object.values(comparison.samples).map(({ length }) => length))
  const on = `${machine.cores} cores, ${place}, Node ${machine.node}`
  return `Medians of ${rounds} rounds, ${on}, ${measuredAt.slice(0, 10)}; in brackets: of plain TCP in the same run.`
}

/** In the order of the workloads. */
const readAll = async (results: string): Promise<Stored[]> => {
  const files = await readdir(results).catch((): string[] => [])
  const names = workloads.map(({ name }) => name).filter((name) => files.includes(`${name}.json`))
  const read = await Promise.all(names.map(async (name) => readStored(name, results)))
  return read.filter((one) => one !== undefined)
}

/**
 * Draws what is stored, and nothing else: a chart for each workload, and the section of the README.
 * @returns the paths
 * @throws Error that says what to run where nothing is stored
 */
export const drawStored = async ({ results = resultsFolder, into = root }: DrawOptions = {}): Promise<string[]> => {
  const stored = await readAll(results)
  if (stored.length === 0)
    throw new Error('Nothing is stored yet. On a machine that does nothing else: npm run bench -- --rounds 7 --store')
  const charts = join(into, 'docs', 'charts')
  await mkdir(charts, { recursive: true })
  const paths = stored.map(({ comparison }) => join(charts, `${comparison.workload}.svg`))
  for (const [at, path] of paths.entries()) {
    const one = stored[at]
    if (one !== undefined) await writeFile(path, chart(one.comparison, noteOf(one)))
  }
  const page = join(into, 'README.md')
  await writeFile(page, withSection(await readFile(page, 'utf8'), benchSection(stored)))
  return [...paths, page]
}
