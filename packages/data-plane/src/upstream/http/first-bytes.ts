import type { Duplex } from 'node:stream'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/**
 * Which HTTP a client begins with, from what it says first; the bytes stay to be read. Ends with `http1` as soon as
 * they cannot be the preface of HTTP/2, or where either side ends before it is whole.
 */
export const spokenHttp = async (tunnel: Duplex, local: Duplex): Promise<'http1' | 'http2'> => {
  const { promise, resolve } = Promise.withResolvers<'http1' | 'http2'>()
  let seen = Buffer.alloc(0)
  const look = (): void => {
    for (let chunk: unknown = tunnel.read(); chunk instanceof Uint8Array; chunk = tunnel.read())
      seen = Buffer.concat([seen, chunk])
    const isWhole = seen.length >= preface.length
    if (seen.length === 0) return
    if (!seen.subarray(0, preface.length).equals(preface.subarray(0, seen.length))) resolve('http1')
    else if (isWhole) resolve('http2')
  }
  const giveUp = (): void => resolve('http1')
  const ends = ['end', 'close', 'error'] as const
  tunnel.on('readable', look)
  for (const event of ends) {
    tunnel.once(event, giveUp)
    local.once(event, giveUp)
  }
  look()
  const spoken = await promise
  tunnel.off('readable', look)
  for (const event of ends) {
    tunnel.off(event, giveUp)
    local.off(event, giveUp)
  }
  if (seen.length > 0 && !tunnel.destroyed) tunnel.unshift(seen)
  return spoken
}
