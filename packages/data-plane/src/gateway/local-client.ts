import type { Duplex } from 'node:stream'

/** A client that was refused has this long to read why before it is cut. */
const refusalMs = 1_000

/** What a client has sent by now. */
export const readBuffered = (client: Duplex): Uint8Array | undefined => {
  const bytes: unknown = client.read()
  return bytes instanceof Uint8Array ? bytes : undefined
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
