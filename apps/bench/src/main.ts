import { loadavg } from 'node:os'
import { compare } from './compare.ts'
import { contenders } from './contenders/index.ts'
import { alone, helpText } from './help.ts'
import { idleTable, measureIdle } from './idle.ts'
import { parseOptions, type Options } from './options.ts'
import { createLoopback } from './place/loopback.ts'
import { createNamespaces, whyNoNamespaces } from './place/namespaces.ts'
import { measurePolicy, policyTable } from './policy.ts'
import { measureProxy, proxyTable } from './proxy.ts'
import { measureStartUp, startUpTable } from './start-up.ts'
import { comparisonTable } from './table.ts'
import { workloads } from './workloads/index.ts'
import type { Comparison } from './summary.ts'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const compareAll = async ({ names, contenders: asked, rounds, seconds }: Options): Promise<Comparison[]> => {
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
      const taking = contenders.filter(({ name }) => asked === undefined || asked.includes(name))
      seen.push(await compare(workload, taking, place, { rounds, seconds, say }))
    }
  } finally {
    place.close()
  }
  return seen
}

const run = async (options: Options): Promise<void> => {
  const { names, rounds } = options
  const isAsked = (name: string): boolean => names.length === 0 || names.includes(name)
  const comparisons = await compareAll(options)
  const policy = isAsked('policy') ? measurePolicy(rounds) : undefined
  const startUp = isAsked('start-up') ? await measureStartUp(rounds) : undefined
  const proxy = isAsked('proxy') ? await measureProxy(rounds) : undefined
  const idle = isAsked('idle') ? await measureIdle() : undefined
  const lines = options.isJson
    ? [JSON.stringify({ load: loadavg()[0], rounds, comparisons, startUp, policy, proxy, idle })]
    : [
        `medians of ${rounds} rounds, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
        ...comparisons.flatMap(comparisonTable),
        ...(startUp === undefined ? [] : startUpTable(startUp)),
        ...(policy === undefined ? [] : policyTable(policy)),
        ...(proxy === undefined ? [] : proxyTable(proxy)),
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
  else await run(options)
} catch (err) {
  process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n  next: npm run bench -- --help\n`)
  process.exitCode = 1
}
