import type { FindRequest, FindResponse, PeerDocument, Status } from '@agent-mesh/wire/api'

/** A member, in this process or by its API. */
export interface Asked {
  name: string
  node: {
    find: (request: FindRequest, options: { signal: AbortSignal }) => Promise<FindResponse>
    peers: () => Promise<PeerDocument[]>
    status: () => Promise<Status>
  }
}

/** Waits for a condition that nothing announces. */
export const until = async (isTrue: () => Promise<boolean>, ms: number): Promise<void> => {
  const end = performance.now() + ms
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${isTrue.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Names of those whom the first of these is connected with, over others too; each by its own list of peers. */
export const pieceOf = async (members: readonly Asked[]): Promise<Set<string>> => {
  const byName = new Map(members.map((member) => [member.name, member]))
  const found = new Set(members.slice(0, 1).map(({ name }) => name))
  for (const name of found) {
    const peers = (await byName.get(name)?.node.peers()) ?? []
    for (const peer of peers) if (byName.has(peer.name)) found.add(peer.name)
  }
  return found
}

/** Names of the members that a member finds for a capability. */
export const findNames = async (member: Asked | undefined, capability: string): Promise<string[]> => {
  if (member === undefined) throw new Error('there is no such member')
  const { candidates } = await member.node.find({ query: `cap:${capability}` }, { signal: AbortSignal.timeout(10_000) })
  return candidates.flatMap(({ name }) => name ?? [])
}

/** A share of sorted numbers, such as 0.99. */
export const quantile = (numbers: readonly number[], share: number): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Everybody has as many neighbours as upkeep wants, or all there are. */
export const settled = async (members: readonly Asked[], ms: number): Promise<void> => {
  const degree = Math.min(8, members.length - 1)
  await until(async () => {
    for (const { node } of members)
      if ((await node.peers()).filter(({ state }) => state === 'connected').length < degree) return false
    return true
  }, ms)
}

/** Everybody's record is stored by somebody. */
export const published = async (members: readonly Asked[], ms: number): Promise<void> => {
  await until(async () => {
    for (const { node } of members) if (((await node.status()).publication?.storedBy ?? 0) === 0) return false
    return true
  }, ms)
}

export interface LookupReport {
  /** Share of the lookups whose answer was the expected one. */
  found: number
  times: number[]
  misses: string[]
}

export const describeLookups = ({ found, times }: LookupReport): string =>
  `${times.length} lookups, ${(100 * found).toFixed(2)} % found, p50 ${quantile(times, 0.5).toFixed(0)} ms, ` +
  `p90 ${quantile(times, 0.9).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms, ` +
  `longest ${quantile(times, 1).toFixed(0)} ms`

/** Looks up one capability after the other, each from one member. @param expected - who has to be among the answer */
export const lookUp = async (
  asked: ReadonlyArray<{ from: Asked; capability: string; expected: string[] }>
): Promise<LookupReport> => {
  const report: LookupReport = { found: 0, times: [], misses: [] }
  for (const { from, capability, expected } of asked) {
    const startedMs = performance.now()
    const names = await findNames(from, capability).catch((): string[] => [])
    report.times.push(performance.now() - startedMs)
    if (expected.every((name) => names.includes(name))) report.found++
    else report.misses.push(`${capability} from ${from.name}: ${names.join() || 'nobody'}, not ${expected.join()}`)
  }
  return { ...report, found: asked.length === 0 ? 1 : report.found / asked.length }
}
