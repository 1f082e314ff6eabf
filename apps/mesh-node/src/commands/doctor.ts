import { judge, readFacts, type Check, type Verdict } from '@agent-mesh/node/doctor'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { describePathReport } from '../path-report.ts'

const marks: Record<Verdict, string> = { pass: '✓', warn: '!', fail: '✗', skip: '-' }
const textLength = 1_000

const describe = (checks: Check[]): string[] => {
  const width = Math.max(...checks.map(({ name }) => name.length))
  return checks.flatMap(({ name, verdict, text, remedy }) => [
    `${marks[verdict]} ${name.padEnd(width)}  ${printable(text, textLength)}`,
    ...(remedy === undefined ? [] : [`  ${''.padEnd(width)}  next: ${printable(remedy, textLength)}`])
  ])
}

const lookForMtu = async (target: string, context: Context): Promise<void> => {
  const found = await context.waiting(
    'trying packets of many sizes, and counting what leaves',
    context.ask((client) => client.mtu({ target }))
  )
  context.print(found, () => describePathReport(found).map((line) => printable(line, textLength)))
  if (found.mtu?.isBlackHole === true) process.exitCode = 1
}

export const doctor: Command = {
  command: 'doctor',
  describe:
    'Check this node, its machine and its place in the mesh; each check says what mends it. Fails where one does.',
  options: [
    {
      flags: '--mtu <target>',
      describe: 'look for the largest packet on the path to an agent instead, and what bytes cost on it'
    }
  ],
  examples: [
    { command: 'mesh-node doctor --mtu bob', describe: 'does the path to bob swallow large packets?' },
    { command: 'mesh-node doctor', describe: 'what is wrong here, if anything' },
    {
      command: `mesh-node doctor --json | jq '.checks[] | select(.verdict == "fail")'`,
      describe: 'what a script has to report'
    }
  ],
  handler: async (input, context) => {
    const target = input.text('mtu')
    if (target !== undefined) return lookForMtu(target, context)
    const facts = await context.waiting(
      'checking the node',
      readFacts(context.stateDirPath, {
        status: async () => context.ask((client) => client.status()),
        peers: async () => context.ask((client) => client.peers())
      })
    )
    const checks = judge(facts)
    const isFailed = checks.some(({ verdict }) => verdict === 'fail')
    context.print({ isHealthy: !isFailed, checks }, () => describe(checks))
    if (isFailed) process.exitCode = 1
  }
}
