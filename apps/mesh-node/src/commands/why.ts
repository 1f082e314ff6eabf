import { errorKinds, isErrorCode } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import type { WhyResponse, WhyStep } from '@agent-mesh/wire/api'
import type { Command } from '../command.ts'

const marks: Record<WhyStep['verdict'], string> = { ok: '✓', failed: '✗', skipped: '-', unknown: '?' }

const textLength = 1_000

/** What each address did, where that is what failed. */
const addressesOf = ({ verdict, details }: WhyStep): string[] => {
  const addresses = details?.['addresses']
  return verdict === 'failed' && Array.isArray(addresses) ? addresses : []
}

const describeWhy = ({ target, from, failed, steps }: WhyResponse): string[] => {
  const what = `${printable(target, 200)}${from === undefined ? '' : ` from ${printable(from, 200)}`}`
  const width = Math.max(...steps.map(({ layer }) => layer.length))
  return [
    ...(failed === undefined
      ? [`${what} can be used.`]
      : [
          `${what} fails at ${failed.layer}${failed.code === undefined ? '' : ` (${failed.code})`}: ${printable(failed.text, textLength)}`,
          ...(failed.command === undefined ? [] : [`  next: ${printable(failed.command, textLength)}`])
        ]),
    '',
    ...steps.flatMap((step) => [
      `${marks[step.verdict]} ${step.layer.padEnd(width)}  ${printable(step.text, textLength)}`,
      ...addressesOf(step).map((address) => `  ${''.padEnd(width)}  ${printable(address, textLength)}`)
    ])
  ]
}

const exitCodeOf = ({ failed }: WhyResponse): number => {
  if (failed === undefined) return 0
  return failed.code !== undefined && isErrorCode(failed.code) ? errorKinds[failed.code].exit : 1
}

export const why: Command = {
  command: 'why',
  describe:
    'Say why a target can or cannot be used: every layer in its order, the first that fails, and what mends it. Exits as the call would.',
  arguments: [{ name: '<target>', describe: 'member name, peer id or cap:<path>, each but the last with /service' }],
  options: [
    {
      flags: '--from <member>',
      describe: 'judge for this one, by name or peer id, where the target is a service of this node'
    },
    { flags: '--timeout <duration>', describe: 'longest wait' }
  ],
  examples: [
    { command: 'mesh-node why bob/web', describe: 'why the call to bob fails' },
    { command: 'mesh-node why alice/web --from bob', describe: 'on alice: why bob cannot open it' },
    { command: 'mesh-node why bob/web --json | jq .failed', describe: 'the failing layer for a program' }
  ],
  handler: async (input, context) => {
    const [from, timeoutMs] = [input.text('from'), input.duration('timeout', 100, 60_000)]
    const request = {
      target: input.argument(0),
      ...(from === undefined ? {} : { from }),
      ...(timeoutMs === undefined ? {} : { timeoutMs })
    }
    const answer = await context.waiting(
      `looking into ${printable(request.target, 200)}`,
      context.ask((client) => client.why(request))
    )
    context.print(answer, () => describeWhy(answer))
    process.exitCode = exitCodeOf(answer)
  }
}
