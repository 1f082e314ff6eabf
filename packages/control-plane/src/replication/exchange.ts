import { limits, MeshError, toMeshError, type SyncState } from '@agent-mesh/wire'
import { firstOf } from '../discovery/deadline.ts'
import { composeDelivery, composePage, idKey, mostHeldIds } from './page.ts'
import type { Inventory } from './inventory.ts'
import {
  decodeAnnouncement,
  decodeAnswer,
  decodeDelivery,
  decodeRequest,
  encodeAnnouncement,
  encodeAnswer,
  encodeDelivery,
  encodeRefusal,
  encodeRequest
} from './sync-message.ts'
import type { PeerId } from '@libp2p/interface'
import type { MessageStream } from '../admission/message-stream.ts'
import type { Conduct } from './conduct.ts'
import type { Intake, Taken } from './intake.ts'
import type { Replica, SyncReport } from './interface.ts'

export interface ExchangeParts {
  inventory: Inventory
  intake: Pick<Intake, 'take'>
  conduct: Pick<Conduct, 'brought' | 'isAvoided' | 'mayAsk'>
  /** Milliseconds since 1970. */
  now: () => number
  /** What the other side says that it holds. */
  onStates: (peer: PeerId, states: SyncState[]) => void
  /** Items were taken over, and no more of them are on their way. */
  onTaken: (kind: string) => void
}

export interface Exchange extends ExchangeParts {
  messages: MessageStream
  peer: PeerId
  /** Ends the exchange; its reason is thrown. */
  signal: AbortSignal
}

/** Longest wait for a message of the other side that needs no work there. */
const messageMs = 10_000
/** While the other side verifies a page. */
const workMs = 30_000
/** Pages of one kind in one exchange: a full set of the largest items needs about 50. */
const mostPages = 64

const within = (signal: AbortSignal, ms: number): AbortSignal => firstOf(AbortSignal.timeout(ms), signal)

const rubbish = (peer: PeerId, kind: string): MeshError =>
  new MeshError('SYNC_INVALID', `${peer.toString()} sends ${kind} that do not verify.`)

/**
 * The side that begins: both say what they hold; then, for each kind that differs, it asks for pages of what it lacks,
 * and delivers what the other side lacks.
 * @throws MeshError
 */
export const ask = async (exchange: Exchange): Promise<SyncReport> => {
  const { messages, inventory, peer, signal, now, onStates, onTaken, conduct } = exchange
  await messages.write(encodeAnnouncement(inventory.states(), now()), within(signal, messageMs))
  const { states } = decodeAnnouncement(await messages.read(within(signal, messageMs)))
  onStates(peer, states)
  const report: SyncReport = { differed: [], taken: 0, delivered: 0, refused: 0 }
  try {
    for (const replica of inventory.differing(states)) {
      if (replica.mayMove?.() === false) continue
      const before = report.taken
      report.differed.push(replica.kind)
      // once for all pages: what is held in between is of no use to others
      await askPages(exchange, replica, report).finally(() => {
        if (report.taken > before) onTaken(replica.kind)
      })
    }
  } finally {
    if (report.differed.length > 0) conduct.brought(peer.toString(), report)
  }
  return report
}

const askPages = async (exchange: Exchange, replica: Replica, report: SyncReport): Promise<void> => {
  const { messages, inventory, peer, signal, intake, onStates } = exchange
  const { kind } = replica
  /** Items that were looked at and not kept: they would fill every page again. */
  const declined = new Map<string, Uint8Array>()
  const delivered = new Set<string>()
  for (let page = 0; page < mostPages; page++) {
    const held = [...replica.ids(), ...declined.values()].slice(0, mostHeldIds)
    await messages.write(encodeRequest(inventory.stateOf(replica), held), within(signal, messageMs))
    const answer = decodeAnswer(await messages.read(within(signal, messageMs)), kind)
    onStates(peer, [answer.state])
    const { taken, refused, seen, isHopeless } = await intake.take(replica, answer.items, peer, signal)
    report.taken += taken
    report.refused += refused
    if (isHopeless) throw rubbish(peer, kind)
    for (const id of seen) if (replica.get(id) === undefined) declined.set(idKey(id), id)
    const wanted = answer.wanted.filter((id) => !delivered.has(idKey(id)))
    const delivery = composeDelivery(replica, wanted)
    if (answer.wanted.length > 0) await messages.write(encodeDelivery(delivery.items), within(signal, workMs))
    for (const id of delivery.ids) delivered.add(idKey(id))
    report.delivered += delivery.ids.length
    const hasMoved = taken > 0 || delivery.ids.length > 0
    if (!hasMoved || (!answer.hasMore && delivery.isAll)) return
  }
}

/**
 * The side that is asked, until the other one ends it.
 * @throws MeshError
 */
export const answer = async (exchange: Exchange): Promise<void> => {
  const { messages, inventory, peer, signal, now, onStates, onTaken, conduct } = exchange
  const { states } = decodeAnnouncement(await messages.read(within(signal, messageMs)))
  onStates(peer, states)
  await messages.write(encodeAnnouncement(inventory.states(), now()), within(signal, messageMs))
  const brought = { taken: 0, refused: 0 }
  const untold = new Set<string>()
  try {
    for (let page = 0; page < mostPages * states.length; page++) {
      const request = await nextRequest(exchange)
      if (request === undefined) return
      const { replica, held } = request
      const isAvoided = conduct.isAvoided(peer.toString())
      const answered = composePage(replica, held)
      const wanted = isAvoided ? [] : answered.wanted
      await messages.write(encodeAnswer(inventory.stateOf(replica), { ...answered, wanted }), within(signal, messageMs))
      if (wanted.length === 0) continue
      const { taken, refused, isHopeless } = await takeDelivery(exchange, replica)
      brought.taken += taken
      brought.refused += refused
      if (isHopeless) throw rubbish(peer, replica.kind)
      if (taken > 0) untold.add(replica.kind)
      if (!answered.hasMore && untold.delete(replica.kind)) onTaken(replica.kind)
    }
  } finally {
    for (const kind of untold) onTaken(kind)
    conduct.brought(peer.toString(), brought)
  }
}

const nextRequest = async ({
  messages,
  signal,
  inventory,
  peer,
  conduct,
  onStates
}: Exchange): Promise<{ replica: Replica; held: Uint8Array[] } | undefined> => {
  const bytes = await messages.read(within(signal, workMs)).catch((err: unknown) => {
    // the other side has what it wanted
    if (toMeshError(err).code === 'CONNECTION_LOST') return undefined
    throw err
  })
  if (bytes === undefined) return undefined
  const { state, held } = decodeRequest(bytes)
  onStates(peer, [state])
  const replica = inventory.get(state.kind)
  const error = !conduct.mayAsk(peer.toString())
    ? new MeshError('RATE_LIMITED', `More than ${limits.syncBytes} bytes were asked for too often.`)
    : replica === undefined
      ? new MeshError('SYNC_INVALID', `This node holds no ${state.kind}.`)
      : undefined
  if (error !== undefined) {
    await messages.write(encodeRefusal(error.code, error.message), within(signal, messageMs))
    throw error
  }
  return replica === undefined ? undefined : { replica, held }
}

const takeDelivery = async ({ messages, signal, intake, peer }: Exchange, replica: Replica): Promise<Taken> =>
  intake.take(replica, decodeDelivery(await messages.read(within(signal, workMs))), peer, signal)
