import { loadavg } from 'node:os'
import { changeLines, changesSince } from './baseline.ts'
import { compare } from './compare.ts'
import { contenders } from './contenders/index.ts'
import { drawStored } from './draw.ts'
import { encryptionLines } from './encryption.ts'
import { alone, helpText } from './help.ts'
import { idleTable, measureIdle } from './idle.ts'
import { measureOpenTunnels, openTunnelsTable } from './open-tunnels.ts'
import { parseOptions, type Options } from './options.ts'
import { createLoopback } from './place/loopback.ts'
import { createNamespaces, whyNoNamespaces } from './place/namespaces.ts'
import { measurePolicy, policyTable } from './policy.ts'
import { measureProxy, proxyTable } from './proxy.ts'
import { measureStartUp, startUpTable } from './start-up.ts'
import { readStored, store } from './store.ts'
import { comparisonTable } from './table.ts'
import { workloads } from './workloads/index.ts'
import { summarise, type Comparison } from './summary.ts'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** Keeps a run that can be believed. */
const keep = async (comparison: Comparison, place: string): Promise<void> => {
  const { isNoisy, spread } = summarise(comparison)
  if (isNoisy) say(`${comparison.workload} is not stored: rounds of plain TCP are ${(100 * spread).toFixed(0)} % apart`)
  else say(`stored as ${await store(comparison, place)}`)
}

const compareAll = async (options: Options): Promise<Comparison[]> => {
  const { names, contenders: asked, rounds, seconds } = options
  const chosen = workloads.filter(({ name }) => names.length === 0 || names.includes(name))
  if (chosen.length === 0) return []
  const reason = whyNoNamespaces()
  const place = reason === undefined ? createNamespaces() : createLoopback(reason)
  if (place.reason !== undefined) say(`on 127.0.0.1, since ${place.reason}`)
  const seen: Comparison[] = []
  try {
    for (const workload of chosen) {
      const missing = await workload.missing(place)
      if (missing !== undefined) {
        say(`${workload.name} is left out: ${missing}`)
        continue
      }
      const taking = (workload.contenders ?? contenders).filter(
        ({ name }) => asked === undefined || asked.includes(name)
      )
      const comparison = await compare(workload, taking, place, { rounds, seconds, say })
      seen.push(comparison)
      if (options.isStored) await keep(comparison, place.kind)
    }
  } finally {
    place.close()
  }
  return seen
}

/** A comparison, and what is another ratio in it than in the stored run. */
const linesOf = async (comparison: Comparison): Promise<string[]> => {
  const stored = await readStored(comparison.workload)
  const changes = stored === undefined ? [] : changesSince(stored.comparison, comparison)
  return [...comparisonTable(comparison), ...encryptionLines(comparison), ...changeLines(changes)]
}

const run = async (options: Options): Promise<void> => {
  const { names, rounds } = options
  const isAsked = (name: string): boolean => names.length === 0 || names.includes(name)
  const comparisons = await compareAll(options)
  const policy = isAsked('policy') ? measurePolicy(rounds) : undefined
  const startUp = isAsked('start-up') ? await measureStartUp(rounds) : undefined
  const proxy = isAsked('proxy') ? await measureProxy(rounds) : undefined
  const open = isAsked('open-tunnels') ? await measureOpenTunnels() : undefined
  const idle = isAsked('idle') ? await measureIdle() : undefined
  const lines = options.isJson
    ? [JSON.stringify({ load: loadavg()[0], rounds, comparisons, startUp, policy, proxy, openTunnels: open, idle })]
    : [
        `medians of ${rounds} rounds, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
        ...(await Promise.all(comparisons.map(linesOf))).flat(),
        ...(startUp === undefined ? [] : startUpTable(startUp)),
        ...(policy === undefined ? [] : policyTable(policy)),
        ...(proxy === undefined ? [] : proxyTable(proxy)),
        ...(open === undefined ? [] : openTunnelsTable(open)),
        ...(idle === undefined ? [] : idleTable(idle))
      ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

try {
  const options = parseOptions(process.argv.slice(2), {
    names: [...workloads, ...alone].map(({ name }) => name),
    contenders: contenders.map(({ name }) => name)
  })
  if (options.isHelp) process.stdout.write(`${helpText()}\n`)
  else if (options.isDrawn) process.stdout.write(`${(await drawStored()).join('\n')}\n`)
  else await run(options)
} catch (err) {
  process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n  next: npm run bench -- --help\n`)
  process.exitCode = 1
}
