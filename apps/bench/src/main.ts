import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { measureStartUp } from './start-up.ts'

const ms = (value: number): string => `${value.toFixed(0)} ms`.padStart(9)

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } }
})

const startUp = await measureStartUp(Number(values.rounds))
if (values.json) {
  process.stdout.write(`${JSON.stringify({ load: loadavg()[0], startUp })}\n`)
} else {
  process.stdout.write(
    [
      `medians of ${startUp.rounds} rounds, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
      `node -e 0            ${ms(startUp.bareNodeMs)}`,
      `mesh-node status     ${ms(startUp.statusMs)}`,
      `mesh-node up, ready  ${ms(startUp.upToReadyMs)}`,
      ''
    ].join('\n')
  )
}
