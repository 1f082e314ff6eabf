import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Stream } from '@libp2p/interface'

/** Whoever opens a stream of it gets back what it sends and, after its end, the SHA-256 of that. */
export const digestEcho = '/interop/digest-echo/1.0.0'

const chunkBytes = 64 * 1024

/**
 * Answers a stream. It never pauses: who pauses a stream of `@libp2p/yamux` from within `resume()` is sent more than fits
 * its buffer. What piles up is at most what the caller sends.
 */
export const answerStream = (stream: Stream): void => {
  const hash = createHash('sha256')
  stream.addEventListener('message', ({ data }) => {
    hash.update(data.subarray())
    stream.send(data)
  })
  // told where a stream was cut as well
  stream.addEventListener('end', () => {
    if (stream.status !== 'open') return
    stream.send(hash.digest())
    stream.close().catch((err: unknown) => stream.abort(err instanceof Error ? err : new Error(String(err))))
  })
}

const sendAll = async (stream: Stream, bytes: Uint8Array, signal: AbortSignal): Promise<void> => {
  for (let at = 0; at < bytes.length; at += chunkBytes)
    if (!stream.send(bytes.subarray(at, at + chunkBytes))) await once(stream, 'drain', { signal })
  await stream.close({ signal })
}

/**
 * Sends bytes, closes its own half, and reads on to the end of the other.
 * @throws Error where anything but the same bytes and their digest comes back
 */
export const callStream = async (stream: Stream, bytes: Uint8Array): Promise<void> => {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const closed = new AbortController()
  const received: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => void received.push(data.subarray()))
  stream.addEventListener('end', () => resolve())
  stream.addEventListener('close', ({ error }) => {
    if (error !== undefined) closed.abort(error)
    reject(error ?? new Error('the stream closed before its end'))
  })
  await Promise.all([sendAll(stream, bytes, closed.signal), ended])
  const all = Buffer.concat(received)
  const digest = createHash('sha256').update(bytes).digest()
  if (!all.equals(Buffer.concat([bytes, digest])))
    throw new Error(`${all.length} bytes came back for ${bytes.length}, or others than were sent`)
}
