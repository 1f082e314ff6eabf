import { lpStream } from '@libp2p/utils'
import { MeshError, type ErrorCode } from '@agent-mesh/wire'
import type { Stream } from '@libp2p/interface'

export interface MessageStreamInit {
  /** Largest message in bytes; a longer one is refused as soon as its length is read. */
  most: number
  /** What a message that breaks the framing is called. */
  code: ErrorCode
  /** What the messages are, for errors. */
  what: string
}

/** Whole messages over a stream, each behind its length. Every wait ends with its signal. */
export interface MessageStream {
  read: (signal: AbortSignal) => Promise<Uint8Array>
  write: (message: Uint8Array, signal: AbortSignal) => Promise<void>
}

/** Messages with which something else begins. */
export interface MessagePrelude extends MessageStream {
  /** The stream itself, with what was not read yet, for what follows the messages. */
  unwrap: () => Stream
}

const framingErrors = new Set([
  'InvalidDataLengthError',
  'InvalidDataLengthLengthError',
  'InvalidMessageLengthError',
  'StreamBufferError'
])

/**
 * @throws from both methods MeshError: the code given for broken framing, CONNECTION_LOST where the stream ends early,
 * TIMEOUT where the signal is one of time, CANCELLED; or the reason of the signal where that is a MeshError
 */
export const messageStream = (stream: Stream, { most, code, what }: MessageStreamInit): MessagePrelude => {
  // room for a message that is somewhat too long, so that it can still be refused with a reason
  const messages = lpStream(stream, { maxDataLength: most, maxBufferSize: 4 * most })
  const explain = (cause: unknown, signal: AbortSignal): MeshError => {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
    if (signal.aborted) return explainAbort(signal.reason, what)
    if (!framingErrors.has(name)) {
      return new MeshError('CONNECTION_LOST', `The stream ended in the middle of a ${what}: ${message}.`, { cause })
    }
    return new MeshError(code, `A ${what} is not a message of at most ${most} bytes: ${message}.`, { cause })
  }
  return {
    read: async (signal) => {
      try {
        return (await messages.read({ signal })).subarray()
      } catch (err) {
        throw explain(err, signal)
      }
    },
    write: async (message, signal) => {
      try {
        await messages.write(message, { signal })
      } catch (err) {
        throw explain(err, signal)
      }
    },
    unwrap: () => messages.unwrap()
  }
}

const explainAbort = (reason: unknown, what: string): MeshError => {
  if (reason instanceof MeshError) return reason
  const isTime = reason instanceof Error && reason.name === 'TimeoutError'
  return new MeshError(isTime ? 'TIMEOUT' : 'CANCELLED', `The wait for a ${what} was ended.`, { cause: reason })
}
