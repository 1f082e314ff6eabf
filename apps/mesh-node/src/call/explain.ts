import type { Client, Tunnel } from '@agent-mesh/client'
import type { CandidateDocument, FindResponse } from '@agent-mesh/wire/api'
import { formatMs, table } from '../text.ts'

type Explanation = Pick<FindResponse, 'candidates' | 'leftOut'>

/** Whom the node would take for a target, with the reason for the place of each. */
export const candidatesFor = async (client: Client, query: string): Promise<Explanation> => {
  const { candidates, leftOut } = await client.find({ query })
  return { candidates, leftOut }
}

/** What to look for, once it is known what the target was taken for. */
export const queryOf = ({ target = '', peerId }: Pick<Tunnel, 'target' | 'peerId'>): string => {
  if (target.startsWith('cap:')) return target
  const [who = ''] = target.split('/')
  return who === '' || who.startsWith('k51') ? peerId : who
}

const row = ({ name, peerId, service, path, reason }: CandidateDocument, place: string): string[] => [
  place,
  name ?? '-',
  peerId,
  service ?? '-',
  path ?? '-',
  reason
]

/** The candidates in the order of their places, those that are not used last. */
export const explanationLines = ({ candidates, leftOut }: Explanation): string[] =>
  table(
    ['PLACE', 'NAME', 'PEER', 'SERVICE', 'PATH', 'WHY HERE'],
    [
      ...candidates.map((one, index) => row(one, `${index + 1}, tier ${one.standing?.tier ?? index}`)),
      ...leftOut.map((one) => row(one, 'left out'))
    ]
  )

/** Who it was in the end. */
export const answererLine = ({ name, peerId, service }: Tunnel, elapsedMs: number): string =>
  `answered by ${name ?? 'an agent'} (${peerId}), service ${service}, after ${formatMs(elapsedMs)}`
