import { fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import { MeshError } from '@agent-mesh/wire/errors'

const stdoutFd = 1

/**
 * Stdout that can be ended, so that its reader learns of the end while the other direction goes on. `process.stdout`
 * never closes; it has to stay untouched where this is used.
 */
const openStdout = (): Writable => {
  const kind = fstatSync(stdoutFd)
  if (!kind.isFIFO() && !kind.isSocket()) return process.stdout
  const output = new Socket({ fd: stdoutFd, readable: false, writable: true })
  // Whatever is opened next must not become stdout.
  output.once('close', () => openSync('/dev/null', 'w'))
  return output
}

const closed = (stream: Writable): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  stream.once('finish', resolve)
  stream.once('error', reject)
  return promise
}

/**
 * Joins a tunnel to stdin and stdout: bytes with backpressure both ways, and the end of each direction by itself. At a
 * terminal the end of the other side ends both.
 * @throws MeshError of the tunnel; CANCELLED where the reader of stdout has left
 */
export const joinStdio = async (tunnel: Duplex): Promise<void> => {
  const { stdin } = process
  const output = openStdout()
  const written = output === process.stdout ? undefined : closed(output)
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  tunnel.once('error', reject).once('close', resolve)
  stdin.once('error', (cause: Error) =>
    tunnel.destroy(new MeshError('CANCELLED', `stdin failed: ${cause.message}`, { cause }))
  )
  output.once('error', (cause: Error) =>
    tunnel.destroy(new MeshError('CANCELLED', 'The reader of stdout has left.', { cause }))
  )
  if (stdin.isTTY) tunnel.once('end', () => tunnel.end())
  stdin.pipe(tunnel)
  tunnel.pipe(output, { end: written !== undefined })
  try {
    await ended
    await written
  } finally {
    stdin.destroy()
  }
}
