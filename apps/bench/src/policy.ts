import { compilePolicy, decide, parsePolicy, type Subject } from '@agent-mesh/identity'
import { median } from './median.ts'

/** Decisions of one policy, medians over the rounds. */
export interface PolicyRate {
  grants: number
  /** By a grant in the middle of the file. */
  allowedPerSecond: number
  deniedPerSecond: number
  /** From the file to the structure that decides. */
  compileMs: number
}

const sizes = [10, 1_000, 4_000]
const decisions = 20_000
const nowMs = 1_790_000_000_000

/** Grants of people, groups of the file and groups of certificates, as a large network would have them. */
const sourceOf = (grants: number): string => {
  const teams = Math.ceil(grants / 10)
  const groups = Array.from({ length: teams }, (_, i) => `  team-${i}: [name:lead-${i}, group:unit-${i}]`)
  const lines = Array.from({ length: grants }, (_, i) =>
    i % 2 === 0
      ? `  - {from: team-${i % teams}, to: name:a${i}, services: web}`
      : `  - {from: name:u${i}, to: group:g${i}, capabilities: task/t${i}}`
  )
  return ['groups:', ...groups.slice(0, 1_000), 'grants:', ...lines].join('\n')
}

const someone = (name: string, groups: string[] = []): Subject => ({ peerId: `peer of ${name}`, name, groups })

const perSecond = (decideOnce: (index: number) => boolean, expected: boolean): number => {
  const began = performance.now()
  for (let i = 0; i < decisions; i++) if (decideOnce(i) !== expected) throw new Error('the policy decided otherwise')
  return (decisions * 1_000) / (performance.now() - began)
}

const measureOne = (grants: number, rounds: number): PolicyRate => {
  const source = sourceOf(grants)
  const samples = { allowed: [] as number[], denied: [] as number[], compile: [] as number[] }
  const middle = Math.floor(grants / 4) * 2
  const team = middle % Math.ceil(grants / 10)
  const caller = someone('somebody', ['staff', `unit-${team}`, 'on-call'])
  const callee = someone(`a${middle}`, ['servers'])
  const stranger = someone('nobody', ['staff', 'elsewhere'])
  const capabilities = ['language/translation', 'vision/ocr']
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const policy = compilePolicy(parsePolicy(source))
    samples.compile.push(performance.now() - began)
    const question = { callee, service: 'web', capabilities, nowMs }
    samples.allowed.push(perSecond(() => decide(policy, { ...question, caller }).allowed, true))
    samples.denied.push(perSecond(() => decide(policy, { ...question, caller: stranger }).allowed, false))
  }
  return {
    grants,
    allowedPerSecond: median(samples.allowed),
    deniedPerSecond: median(samples.denied),
    compileMs: median(samples.compile)
  }
}

/** How fast a policy decides, by its number of grants. The first round warms up and does not count. */
export const measurePolicy = (rounds: number): PolicyRate[] => {
  for (const size of sizes) measureOne(size, 1)
  return sizes.map((size) => measureOne(size, rounds))
}

const count = (value: number): string => Math.round(value).toLocaleString('en').padStart(12)

const ratio = (value: number, base: number): string => (value / base).toFixed(2).padStart(9)

/** Lines for people; the ratios are to the smallest policy of the same run. */
export const policyTable = (rates: readonly PolicyRate[]): string[] => [
  'policy: grants   allowed/s      × of 10    denied/s     × of 10  compile',
  ...rates.map(({ grants, allowedPerSecond, deniedPerSecond, compileMs }) =>
    [
      String(grants).padStart(14),
      count(allowedPerSecond),
      ratio(allowedPerSecond, rates[0]?.allowedPerSecond ?? Number.NaN),
      count(deniedPerSecond),
      ratio(deniedPerSecond, rates[0]?.deniedPerSecond ?? Number.NaN),
      `${compileMs.toFixed(1)} ms`.padStart(9)
    ].join('  ')
  )
]
