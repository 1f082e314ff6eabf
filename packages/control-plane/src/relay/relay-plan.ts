import { createHash } from 'node:crypto'

/** A member that relays, or a carrier. */
export interface RelayCandidate {
  peer: string
  isConnected: boolean
  /** A relay of another network, with limits of its own. */
  isCarrier?: boolean
}

export interface RelaySituation {
  self: string
  /** Places that this node wants; 0 where it is reached without. */
  wanted: number
  candidates: RelayCandidate[]
  /** Places that it has. */
  held: Array<{ peer: string; expiresMs: number; isCarrier?: boolean }>
  /** Relays that said no, and until when they are not asked again. */
  failedUntilMs: Pick<ReadonlyMap<string, number>, 'get'>
  nowMs: number
  /** How long a place is held; half of it may pass before it is asked for again. */
  reservationMs: number
}

export type RelayStep = { do: 'reserve' | 'renew' | 'give-up'; peer: string }

/**
 * Where a relay stands for one node: highest random weight (Thaler and Ravishankar 1998), so that nodes spread over the
 * relays by themselves and most keep theirs when one comes or goes.
 */
const weight = (self: string, relay: string): string => createHash('sha256').update(`${self} ${relay}`).digest('hex')

const isMember = ({ isCarrier = false }: { isCarrier?: boolean }): boolean => !isCarrier

/**
 * What to do about places at relays: renews those that are past their half, asks for what is missing, gives up what is
 * too much. Relays that are connected come first: another one has to be dialled before it can be asked. Carriers get what
 * members leave: a place at one is given up once a member has taken its turn.
 */
export const planRelays = ({
  self,
  wanted,
  candidates,
  held,
  failedUntilMs,
  nowMs,
  reservationMs
}: RelaySituation): RelayStep[] => {
  const order = (a: { peer: string; isCarrier?: boolean }, b: { peer: string; isCarrier?: boolean }): number =>
    Number(isMember(b)) - Number(isMember(a)) || (weight(self, a.peer) < weight(self, b.peer) ? -1 : 1)
  const ranked = held.toSorted(order)
  const kept = ranked.slice(0, wanted)
  const steps: RelayStep[] = ranked.slice(wanted).map(({ peer }) => ({ do: 'give-up', peer }))
  for (const { peer, expiresMs } of kept) if (expiresMs - nowMs < reservationMs / 2) steps.push({ do: 'renew', peer })
  const has = new Set(held.map(({ peer }) => peer))
  const free = candidates
    .filter(({ peer }) => peer !== self && !has.has(peer) && (failedUntilMs.get(peer) ?? 0) <= nowMs)
    .toSorted((a, b) => Number(b.isConnected) - Number(a.isConnected) || order(a, b))
  const members = free.filter(isMember).slice(0, wanted - kept.filter(isMember).length)
  const room = Math.max(0, wanted - kept.length - members.length)
  const carriers = free.filter((one) => !isMember(one)).slice(0, room)
  for (const { peer } of [...members, ...carriers]) steps.push({ do: 'reserve', peer })
  return steps
}
