import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import {
  decodeMessage,
  fromWireCode,
  limits,
  MeshError,
  quote,
  SyncAnnouncement,
  SyncAnswer,
  SyncDelivery,
  SyncRequest,
  toWireCode,
  type ErrorCode,
  type SyncState
} from '@agent-mesh/wire'

const digestBytes = 32
const reasonLength = 256
const kindShape = /^[a-z][a-z0-9-]{0,31}$/

/** Kinds that one announcement names: they have to fit in one message of gossip. */
export const mostKinds = 32

const invalid = (why: string): MeshError =>
  new MeshError('SYNC_INVALID', `A message of replication is refused: ${why}.`)

const checkIds = (ids: Uint8Array[], what: string): void => {
  const wrong = ids.find(({ length }) => length !== digestBytes)
  if (wrong !== undefined) throw invalid(`one of its ${what} ids has ${wrong.length} bytes`)
}

/** @throws MeshError SYNC_INVALID */
export const checkState = ({ kind, digest }: SyncState): void => {
  if (!kindShape.test(kind)) throw invalid(`${quote(kind, 32)} is not a kind`)
  if (digest.length !== digestBytes) throw invalid(`the digest of ${kind} has ${digest.length} bytes`)
}

const stateIn = (state: SyncState | undefined, kind?: string): SyncState => {
  if (state === undefined) throw invalid('it names no kind')
  checkState(state)
  if (kind !== undefined && state.kind !== kind) throw invalid(`it is about ${state.kind}, not about ${kind}`)
  return state
}

export const encodeAnnouncement = (states: SyncState[], timeMs: number): Uint8Array =>
  SyncAnnouncement.encode({ states, timeMs })

/** Kinds of a newer version pass; whoever reads leaves out what it does not hold. @throws MeshError SYNC_INVALID */
export const decodeAnnouncement = (bytes: Uint8Array): SyncAnnouncement => {
  const announcement = decodeMessage(
    SyncAnnouncement,
    bytes,
    limits.gossipMessageBytes,
    'SYNC_INVALID',
    'announcement of replication'
  )
  const { states } = announcement
  if (states.length > mostKinds) throw invalid(`it names ${states.length} kinds`)
  for (const state of states) checkState(state)
  if (new Set(states.map(({ kind }) => kind)).size !== states.length) throw invalid('it names a kind twice')
  return announcement
}

export const encodeRequest = (state: SyncState, held: Uint8Array[]): Uint8Array =>
  SyncRequest.encode({ state, held: held.map((id) => withArrayBuffer(id)) })

/** @throws MeshError SYNC_INVALID */
export const decodeRequest = (bytes: Uint8Array): { state: SyncState; held: Uint8Array[] } => {
  const { state, held } = decodeMessage(SyncRequest, bytes, limits.syncBytes, 'SYNC_INVALID', 'request of replication')
  checkIds(held, 'held')
  return { state: stateIn(state), held }
}

/** What one side lacks, as far as it fits in one message. */
export interface Page {
  items: Uint8Array[]
  hasMore: boolean
  /** Ids that the answering side lacks itself. */
  wanted: Uint8Array[]
}

export const encodeAnswer = (state: SyncState, { items, hasMore, wanted }: Page): Uint8Array =>
  SyncAnswer.encode({
    code: 0,
    reason: '',
    state,
    items: items.map((item) => withArrayBuffer(item)),
    hasMore,
    wanted: wanted.map((id) => withArrayBuffer(id))
  })

export const encodeRefusal = (code: ErrorCode, reason: string): Uint8Array =>
  SyncAnswer.encode({
    code: toWireCode(code),
    reason: reason.slice(0, reasonLength),
    items: [],
    hasMore: false,
    wanted: []
  })

/** @throws MeshError SYNC_INVALID; the code of the other side where it refuses */
export const decodeAnswer = (bytes: Uint8Array, kind: string): Page & { state: SyncState } => {
  const answer = decodeMessage(SyncAnswer, bytes, limits.syncBytes, 'SYNC_INVALID', 'answer of replication')
  const { code, reason, items, hasMore, wanted } = answer
  if (code !== 0)
    throw new MeshError(fromWireCode(code), `The other side does not compare: ${quote(reason, reasonLength)}.`)
  checkIds(wanted, 'wanted')
  return { state: stateIn(answer.state, kind), items, hasMore, wanted }
}

export const encodeDelivery = (items: Uint8Array[]): Uint8Array =>
  SyncDelivery.encode({ items: items.map((item) => withArrayBuffer(item)) })

/** @throws MeshError SYNC_INVALID */
export const decodeDelivery = (bytes: Uint8Array): Uint8Array[] =>
  decodeMessage(SyncDelivery, bytes, limits.syncBytes, 'SYNC_INVALID', 'delivery of replication').items
