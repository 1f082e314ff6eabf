import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chart } from './chart.ts'
import { readStored, resultsFolder } from './store.ts'

const chartsFolder = fileURLToPath(new URL('../../../docs/charts', import.meta.url))

/** Draws what is stored, and nothing else. @returns the paths */
export const drawStored = async (): Promise<string[]> => {
  const names = await readdir(resultsFolder).catch(() => [])
  const paths: string[] = []
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const stored = await readStored(name.slice(0, -'.json'.length))
    if (stored === undefined) continue
    const { comparison, machine, measuredAt, place } = stored
    const rounds = Math.max(...Object.values(comparison.samples).map(({ length }) => length))
    const on = `${machine.cores} cores, ${place}, Node ${machine.node}`
    const note = `Medians of ${rounds} rounds, ${on}, ${measuredAt.slice(0, 10)}; in brackets: of plain TCP in the same run.`
    const path = join(chartsFolder, `${comparison.workload}.svg`)
    await mkdir(chartsFolder, { recursive: true })
    await writeFile(path, chart(comparison, note))
    paths.push(path)
  }
  return paths
}
