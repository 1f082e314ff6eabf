import type { Client } from '@agent-mesh/client'
import { MeshError, toMeshError } from '@agent-mesh/wire/errors'
import { printable } from '@agent-mesh/wire/quote'
import { standingOf } from './member-text.ts'

/** What `mesh-node wait` waits for. */
export type Condition =
  | { kind: 'capability'; capability: string }
  | { kind: 'peer'; peer: string }
  | { kind: 'service'; target: string }
  | { kind: 'members'; count: number }

/** What one look found: facts for programs where it is met, otherwise what is missing, for people. */
export type Look = { isMet: true; found: Record<string, unknown> } | { isMet: false; missing: string }

/** Longest single look: the next one asks anew. */
export const lookMs = 5_000

const mostMembers = 1_000_000
const shownLength = 200

const usage = (text: string): MeshError =>
  new MeshError(
    'USAGE',
    `"${printable(text, shownLength)}" is not capability:<path>, peer:<member>, service:<target> or members:<number>.`,
    {
      hint: 'mesh-node wait --help'
    }
  )

/** @throws MeshError USAGE */
export const parseCondition = (text: string): Condition => {
  const [, kind, value = ''] = /^(\w+):(.+)$/s.exec(text) ?? []
  const count = /^\d+$/.test(value) ? Number(value) : 0
  if (kind === 'members' && count >= 1 && count <= mostMembers) return { kind, count }
  if (kind === 'capability') return { kind, capability: value }
  if (kind === 'peer') return { kind, peer: value }
  if (kind === 'service') return { kind, target: value }
  throw usage(text)
}

const missing = (text: string): Look => ({ isMet: false, missing: printable(text, 1_000) })

type LookFor<Kind extends Condition['kind']> = (
  client: Client,
  condition: Extract<Condition, { kind: Kind }>,
  signal: AbortSignal
) => Promise<Look>

const isHere = (state: string): boolean => state === 'connected' || state === 'alive'

const lookForCapability: LookFor<'capability'> = async (client, { capability }, signal) => {
  const { candidates } = await client.find({ query: `cap:${capability}`, timeoutMs: lookMs }, { signal })
  const [best] = candidates
  return best === undefined
    ? missing(`nobody offers ${capability} yet`)
    : { isMet: true, found: { capability, peerId: best.peerId, name: best.name, candidates: candidates.length } }
}

const lookForPeer: LookFor<'peer'> = async (client, { peer }, signal) => {
  const known = (await client.peers({ signal })).find(({ name, peerId }) => name === peer || peerId === peer)
  if (known?.state === 'connected' && isHere(standingOf(known).state))
    return { isMet: true, found: { peerId: known.peerId, name: known.name, path: known.path } }
  const { peerId, name, path } = await client.dial({ target: peer, timeoutMs: lookMs }, { signal })
  return { isMet: true, found: { peerId, name, path } }
}

const lookForService: LookFor<'service'> = async (client, { target }, signal) => {
  const { failed } = await client.why({ target, timeoutMs: lookMs }, { signal })
  return failed === undefined
    ? { isMet: true, found: { target } }
    : missing(`${target} fails at ${failed.layer}: ${failed.text}`)
}

const lookForMembers: LookFor<'members'> = async (client, { count }, signal) => {
  const here = (await client.peers({ signal })).filter((one) => isHere(standingOf(one).state)).length + 1
  return here >= count
    ? { isMet: true, found: { members: here } }
    : missing(`${here} of ${count} members are here, this node included`)
}

const lookFor = async (client: Client, condition: Condition, signal: AbortSignal): Promise<Look> => {
  if (condition.kind === 'capability') return lookForCapability(client, condition, signal)
  if (condition.kind === 'peer') return lookForPeer(client, condition, signal)
  if (condition.kind === 'service') return lookForService(client, condition, signal)
  return lookForMembers(client, condition, signal)
}

/** What waiting does not mend: the question itself is wrong. */
const isFinal = ({ layer, code }: MeshError): boolean =>
  layer === 'usage' || code === 'CAPABILITY_INVALID' || code === 'NAME_INVALID' || code === 'API_UNREADABLE'

/** Looks once. What time may mend is something that is missing. @throws MeshError of a question that is wrong */
export const look = async (client: Client, condition: Condition, signal: AbortSignal): Promise<Look> => {
  try {
    return await lookFor(client, condition, signal)
  } catch (err) {
    const error = toMeshError(err)
    if (isFinal(error)) throw error
    return missing(`${error.message} (${error.code})`)
  }
}
