import type { CandidateDocument, FindResponse } from '@agent-mesh/wire/api'
import { limits } from '@agent-mesh/wire/limits'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import { formatMs, table } from '../text.ts'

const row = ({ name, peerId, capabilities, service, path, reason }: CandidateDocument): string[] => [
  name ?? '-',
  peerId,
  capabilities.join(', ') || '-',
  service ?? '-',
  path ?? '-',
  reason
]

/** What to type next to use the best of them. */
const nextCommand = (candidates: CandidateDocument[]): string[] => {
  const [best] = candidates
  if (best === undefined) return []
  const who = best.name === undefined ? best.peerId : printable(best.name, limits.nameLength)
  const service = best.service ?? best.services[0]?.name
  return [
    service === undefined
      ? `mesh-node dial ${who}`
      : `mesh-node forward 127.0.0.1:0 ${who}/${printable(service, limits.nameLength)}`
  ]
}

/** Every value that places are decided by, the most important first, as the node named them. */
const explanation = (all: CandidateDocument[]): string[] => {
  const dimensions = Object.keys(all[0]?.standing?.values ?? {})
  return table(
    ['PLACE', 'NAME', ...dimensions.map((one) => one.toUpperCase()), 'BEHIND BY'],
    all.map(({ name, peerId, standing }, index) => {
      const values = Object.values<string>(standing?.values ?? {})
      const place = standing?.isUsable === false ? 'left out' : `${index + 1}, tier ${standing?.tier ?? index}`
      return [place, name ?? peerId, ...values, standing?.behindBy ?? '-']
    })
  )
}

const describeMissing = (query: string, { leftOut, elapsedMs }: FindResponse): string[] => {
  const what = printable(query, limits.capabilityLength)
  if (leftOut.length === 0) return [`Nobody offers ${what} (asked for ${formatMs(elapsedMs)}).`]
  return [
    `Nobody who offers ${what} can be used:`,
    ...table(
      ['NAME', 'PEER', 'WHY NOT'],
      leftOut.map(({ name, peerId, reason }) => [name ?? '-', peerId, reason])
    )
  ]
}

const describeFound = (query: string, found: FindResponse, isExplained: boolean): string[] => [
  ...describeList(query, found),
  ...(isExplained ? ['', ...explanation([...found.candidates, ...found.leftOut]), ''] : []),
  ...nextCommand(found.candidates)
]

const describeList = (query: string, found: FindResponse): string[] => [
  ...table(['NAME', 'PEER', 'CAPABILITIES', 'SERVICE', 'PATH', 'WHY HERE'], found.candidates.map(row)),
  ...(found.candidates.length === 0 ? describeMissing(query, found) : []),
  ...(found.suggestions.length === 0
    ? []
    : [`Did you mean ${found.suggestions.map((one) => printable(one, limits.capabilityLength)).join(', ')}?`])
]

export const find: Command = {
  command: 'find',
  describe: 'Find agents by capability, name or peer id, best first.',
  arguments: [
    { name: '<query>', describe: 'capability path (all that is a part of it is found too), member name or peer id' }
  ],
  options: [
    {
      flags: '--limit <number>',
      describe: `most candidates to show; 32 without it, ${limits.candidatesPerLookup} at most`
    },
    { flags: '--explain', describe: 'show every value that the places are decided by, and who is left out' },
    { flags: '--timeout <duration>', describe: 'longest search' }
  ],
  examples: [
    { command: 'mesh-node find language_processing', describe: 'everybody who offers that or a part of it' },
    {
      command: 'mesh-node find language_processing --explain',
      describe: 'why the first is the first: health, service, path, round trip, load, weight'
    },
    { command: 'mesh-node find bob', describe: 'what a member offers' },
    {
      command: 'mesh-node find language_processing --json | jq -r .candidates[0].peerId',
      describe: 'the best one, for a script'
    }
  ],
  handler: async (input, context) => {
    const query = input.argument(0)
    const limit = input.count('limit', 1, limits.candidatesPerLookup)
    const timeoutMs = input.duration('timeout', 100, 60_000)
    const request = {
      query,
      ...(limit === undefined ? {} : { limit }),
      ...(timeoutMs === undefined ? {} : { timeoutMs })
    }
    const found = await context.waiting(
      `looking for ${printable(query, limits.capabilityLength)}`,
      context.ask((client) => client.find(request))
    )
    context.print(found, () => describeFound(query, found, input.has('explain')))
  }
}
