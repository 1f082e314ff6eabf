/**
 * What becomes of real nodes when the network between them fails, in namespaces with NATs; needs Linux and root:
 *
 *   npm run lab                       lists the scenarios
 *   npm run lab -- link-cut           runs one in the short form, as every change does
 *   npm run lab -- link-cut --full    runs it whole
 *   npm run lab -- link-cut --json    prints the rows as JSON
 *
 * The exit code is 1 where a bar is missed.
 */
import { parseArgs } from 'node:util'
import { play, whyNotHere, type Row } from '../test/lab/harness/scene.ts'
import { scenarios } from '../test/lab/scenarios/index.ts'

const line = ({ what, seen, bar, isMet }: Row): string =>
  `${isMet ? 'met   ' : 'MISSED'}  ${seen.padEnd(26)}  ${bar.padEnd(30)}  ${what}`

const usage = (): void => {
  console.log('npm run lab -- <scenario> [--full] [--json]\n')
  for (const [name, { about }] of Object.entries(scenarios)) console.log(`${name.padEnd(16)} ${about}`)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: process.env['MESH_GUARD_FORM'] === 'full' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false }
  }
})
const unknown = positionals.filter((name) => scenarios[name] === undefined)
// What a scenario started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

if (unknown.length > 0) {
  console.error(`No scenario is called ${unknown.join(', ')}. There are: ${Object.keys(scenarios).join(', ')}.`)
  process.exitCode = 2
} else if (positionals.length === 0 || values.help) {
  usage()
} else {
  for (const name of positionals) {
    const scenario = scenarios[name]
    if (scenario === undefined) continue
    const reason = whyNotHere(scenario)
    if (reason !== undefined) {
      console.error(`${name} cannot be run: ${reason}.`)
      process.exitCode = 1
      continue
    }
    if (!values.json) console.log(`${name}: ${scenario.about}\n`)
    const rows = await play(scenario, values.full, values.json ? undefined : (row) => console.log(line(row)))
    if (values.json) console.log(JSON.stringify({ scenario: name, isFull: values.full, rows }))
    if (rows.some(({ isMet }) => !isMet)) process.exitCode = 1
  }
}
