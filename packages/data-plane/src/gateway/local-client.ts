import type { Duplex } from 'node:stream'
import { limits } from '@agent-mesh/wire'
import type { LaterBytes } from '../tunnel/open.ts'

/** A client that was refused has this long to read why before it is cut. */
const refusalMs = 1_000

/** What a client has sent by now. */
export const readBuffered = (client: Duplex): Uint8Array | undefined => {
  const bytes: unknown = client.read()
  return bytes instanceof Uint8Array ? bytes : undefined
}

/**
 * What a client sends while its tunnel is opened: it may write a moment after its connection is accepted, and would wait
 * for a whole round trip otherwise. No more than the tunnel may send by then is taken.
 */
export const laterFrom =
  (client: Duplex): LaterBytes =>
  (take) => {
    let taken = 0
    const onReadable = (): void => {
      const bytes = taken < limits.creditInitialBytes ? readBuffered(client) : undefined
      if (bytes === undefined) return
      taken += bytes.length
      take(bytes)
    }
    client.on('readable', onReadable)
    return () => client.off('readable', onReadable)
  }

/**
 * For a client that was told all there is to say. What it still sends is read and dropped: a reset would take the last
 * words away with it.
 */
export const cutLater = (client: Duplex): void => {
  client.resume()
  const timer = setTimeout(() => {
    client.destroy()
  }, refusalMs)
  client.once('close', () => clearTimeout(timer))
}
