import { decodeMessage, limits, RelayHop, RelayStop } from '@agent-mesh/wire'
import { messageStream } from '../admission/message-stream.ts'
import type { Stream } from '@libp2p/interface'

/** Protocol ids of circuit relay v2: stock relays and stock clients speak the same. */
export const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
export const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

/** Types of messages, https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md */
export const hopTypes = { reserve: 0, connect: 1, status: 2 } as const
export const stopTypes = { connect: 0, status: 1 } as const

/** What a relay answers, in the numbers of the specification. */
export const relayStatus = {
  ok: 100,
  reservationRefused: 200,
  resourceLimit: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformed: 400,
  unexpected: 401
} as const

export type RelayStatus = (typeof relayStatus)[keyof typeof relayStatus]

const meanings: Record<number, string> = {
  [relayStatus.reservationRefused]: 'it has no place left',
  [relayStatus.resourceLimit]: 'what it carries for one member at once or in an hour is used up',
  [relayStatus.permissionDenied]: 'it does not relay for this member or over another relay',
  [relayStatus.connectionFailed]: 'it could not reach the peer',
  [relayStatus.noReservation]: 'the peer holds no place there any more',
  [relayStatus.malformed]: 'it could not read the request',
  [relayStatus.unexpected]: 'it did not expect the request'
}

/** What a status says, in words that end a sentence. */
export const statusText = (status: number | undefined): string =>
  meanings[status ?? 0] ?? `it answered with status ${String(status)}`

/** Messages of one kind over a stream that carries a circuit afterwards. */
export interface Dialogue<M> {
  /** @throws MeshError RELAY_REFUSED where it does not parse, CONNECTION_LOST, TIMEOUT, CANCELLED */
  read: (signal: AbortSignal) => Promise<M>
  write: (message: M, signal: AbortSignal) => Promise<void>
  /** The stream with what was not read, for the circuit. */
  unwrap: () => Stream
}

interface Codec<M> {
  encode: (message: M) => Uint8Array
  decode: (bytes: Uint8Array<ArrayBuffer>) => M
}

const dialogue =
  <M>(codec: Codec<M>, what: string) =>
  (stream: Stream): Dialogue<M> => {
    const most = limits.relayMessageBytes
    const messages = messageStream(stream, { most, code: 'RELAY_REFUSED', what })
    return {
      read: async (signal) => decodeMessage(codec, await messages.read(signal), most, 'RELAY_REFUSED', what),
      write: async (message, signal) => messages.write(codec.encode(message), signal),
      unwrap: () => messages.unwrap()
    }
  }

export const hopDialogue = dialogue(RelayHop, 'message of a relay')
export const stopDialogue = dialogue(RelayStop, 'call through a relay')
