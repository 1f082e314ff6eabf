import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { idleTable, measureIdle } from './idle.ts'
import { measurePolicy, policyTable } from './policy.ts'
import { measureProxy, proxyTable } from './proxy.ts'
import { measureStartUp, startUpTable } from './start-up.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } }
})

const rounds = Number(values.rounds)
const isAsked = (name: string): boolean => positionals.length === 0 || positionals.includes(name)

const policy = isAsked('policy') ? measurePolicy(rounds) : undefined
const startUp = isAsked('start-up') ? await measureStartUp(rounds) : undefined
const proxy = isAsked('proxy') ? await measureProxy(rounds) : undefined
const idle = isAsked('idle') ? await measureIdle() : undefined
const lines = values.json
  ? [JSON.stringify({ load: loadavg()[0], startUp, policy, proxy, idle })]
  : [
      `medians of ${rounds} rounds, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
      ...(startUp === undefined ? [] : startUpTable(startUp)),
      ...(policy === undefined ? [] : policyTable(policy)),
      ...(proxy === undefined ? [] : proxyTable(proxy)),
      ...(idle === undefined ? [] : idleTable(idle))
    ]
process.stdout.write(`${lines.join('\n')}\n`)
