import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { own, readIntoSlabs, release } from '@agent-mesh/slabs'
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { Tunnel } from './tunnel.ts'

/** How a splice ended: cleanly, or with the error of the side that failed first. */
export interface SpliceEnd {
  error?: MeshError
  failedSide?: 'tunnel' | 'local'
}

/** Looks at what passes, for a service whose protocol this node understands. */
export interface SpliceFilter {
  /**
   * What goes to the service in the place of what the caller said.
   * @throws MeshError where it must not go on
   */
  toLocal: (chunk: Buffer) => Buffer[]
  /** Sees what the service says, which passes as it is. What it keeps it copies: the memory is used again. */
  fromLocal: (chunk: Buffer) => void
  /** The caller is not read until a release. */
  readonly isHeld: boolean
  /** @param listener - gets what was held back and goes on */
  onRelease: (listener: (pieces: Buffer[]) => void) => void
  /** What the caller is told, in its own protocol, of an error of `toLocal`; undefined where that is not possible. */
  refusalOf: (err: unknown) => Buffer | undefined
}

/**
 * Joins a tunnel and a local socket as if they were one TCP connection: bytes with backpressure both ways, the end of one
 * direction as the end of that direction, a reset on either side as a reset on the other. Resolves when both are closed.
 *
 * The socket needs `allowHalfOpen`. There is no idle timeout.
 */
export const splice = async (tunnel: Duplex, local: Duplex, filter?: SpliceFilter): Promise<SpliceEnd> => {
  const end: SpliceEnd = {}
  let isRefused = false
  const note = (failedSide: 'tunnel' | 'local', error: MeshError): void => {
    if (end.error === undefined) Object.assign(end, { error, failedSide })
  }
  const tunnelClosed = closed(tunnel, (error) => {
    note('tunnel', toMeshError(error ?? cutShort(), 'CONNECTION_LOST'))
    resetLocal(local)
  })
  const localClosed = closed(local, (error) => {
    if (isRefused) return
    const reason = localError(error)
    note('local', reason)
    tunnel.destroy(reason)
  })
  if (filter === undefined) {
    pump(local, tunnel, { onData: readMuch(local) })
    if (local instanceof Socket && tunnel instanceof Tunnel) {
      tunnel.borrow()
      pump(tunnel, local, { onData: gather(local), onWritten: release })
    } else pump(tunnel, local, { onData: gather(local) })
  } else {
    const count = readMuch(local)
    pump(local, tunnel, {
      onData: (chunk) => {
        count?.(chunk)
        filter.fromLocal(chunk)
      }
    })
    pumpFiltered(tunnel, local, filter, (err) => {
      isRefused = true
      refuse(tunnel, local, filter, toMeshError(err))
    })
  }
  const stopProbing = probe(local)
  await Promise.all([tunnelClosed, localClosed])
  stopProbing()
  return end
}

const probeIntervalMs = 1_000
const nothing = new Uint8Array()

/**
 * While a socket is paused because the tunnel is full, nobody polls it, and a reset by its client would go unnoticed for
 * as long as the other end stalls. An empty write costs nothing and fails where there is no connection any more.
 */
const probe = (local: Duplex): (() => void) => {
  const timer = setInterval(() => {
    if (local.isPaused() && local.writable && local.writableLength === 0) local.write(nothing)
  }, probeIntervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * TLS hands over 16 KiB at a time, and a system call for each costs more than all else that is done with them: what comes
 * within one turn of the event loop is written at its end, at once. To be called before each write.
 */
const gather = (to: Duplex): (() => void) => {
  const uncork = (): void => to.uncork()
  return () => {
    if (to.writableCorked > 0) return
    to.cork()
    setImmediate(uncork)
  }
}

/** A socket that has brought so much reads into slabs: before that, they would be waste. */
const muchBytes = 256 * 1024

/** To be called with what a socket brings. */
const readMuch = (socket: Duplex): ((chunk: Buffer) => void) | undefined => {
  if (!(socket instanceof Socket)) return undefined
  let bytes = 0
  const start = (): void => {
    if (!socket.destroyed) readIntoSlabs(socket, (reader) => socket.push(reader.take()))
  }
  return (chunk) => {
    if (bytes >= muchBytes) return
    bytes += chunk.length
    // not from within a read
    if (bytes >= muchBytes) setImmediate(start)
  }
}

/** What is smaller is copied. */
const smallBytes = 16 * 1024

interface PumpOptions {
  onData?: ((chunk: Buffer) => void) | undefined
  /** A chunk is out, and nobody needs its memory any more. */
  onWritten?: (chunk: Uint8Array) => void
}

/** Bytes and the end of one direction. The end may have been read before anybody listened for it. */
const pump = (from: Duplex, to: Duplex, { onData, onWritten }: PumpOptions = {}): void => {
  const write =
    onWritten === undefined
      ? (chunk: Buffer) => to.write(chunk)
      : (chunk: Buffer) => {
          // a few bytes that wait for a reader would keep a whole slab waiting
          const bytes = chunk.length < smallBytes ? own(chunk) : chunk
          return to.write(bytes, (err) => {
            if (err == null) onWritten(bytes)
          })
        }
  from.on('data', (chunk) => {
    onData?.(chunk)
    if (!write(chunk)) from.pause()
  })
  to.on('drain', () => {
    from.resume()
  })
  if (from.readableEnded) to.end()
  else
    from.once('end', () => {
      to.end()
    })
}

/** As {@link pump}, through a filter. What it throws ends the direction. */
const pumpFiltered = (tunnel: Duplex, local: Duplex, filter: SpliceFilter, onError: (err: unknown) => void): void => {
  let isOver = false
  let hasEnded = false
  const send = (make: () => Buffer[]): void => {
    if (isOver) return
    try {
      const pieces = make()
      local.cork()
      let isFull = false
      for (const piece of pieces) isFull = !local.write(piece)
      local.uncork()
      if (isFull || filter.isHeld) tunnel.pause()
    } catch (err) {
      isOver = true
      onError(err)
    }
  }
  const end = (): void => {
    hasEnded = true
    if (!isOver && !filter.isHeld) local.end()
  }
  tunnel.on('data', (chunk: Buffer) => send(() => filter.toLocal(chunk)))
  local.on('drain', () => {
    if (!filter.isHeld) tunnel.resume()
  })
  filter.onRelease((pieces) => {
    send(() => pieces)
    if (filter.isHeld) return
    if (!local.writableNeedDrain) tunnel.resume()
    if (hasEnded) end()
  })
  if (tunnel.readableEnded) end()
  else tunnel.once('end', end)
}

/** How long a caller may take to hang up after it was told why. */
const refusedMs = 2_000

/** Ends both sides: the service sees a reset, the caller what the filter says, in its own protocol where that is possible. */
const refuse = (tunnel: Duplex, local: Duplex, filter: SpliceFilter, error: MeshError): void => {
  local.removeAllListeners('data')
  const answer = filter.refusalOf(error)
  resetLocal(local)
  if (answer === undefined) {
    tunnel.destroy(error)
    return
  }
  tunnel.end(answer)
  tunnel.resume()
  const timer = setTimeout(() => tunnel.destroy(error), refusedMs).unref()
  tunnel.once('close', () => clearTimeout(timer))
}

/** Resolves when the stream is closed; calls `onFailure` at once where it fails or closes before both directions ended. */
const closed = (stream: Duplex, onFailure: (error: Error | undefined) => void): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let hasFailed = false
  const fail = (error: Error | undefined): void => {
    if (hasFailed) return
    hasFailed = true
    onFailure(error)
  }
  const finish = (): void => {
    if (stream.errored !== null || !stream.readableEnded || !stream.writableFinished) fail(stream.errored ?? undefined)
    resolve()
  }
  stream.on('error', fail)
  if (stream.closed) finish()
  else stream.once('close', finish)
  return promise
}

/**
 * Cuts a local connection so that its other end does not take it for the end of the data. On TCP that is an RST; a unix
 * socket knows none.
 *
 * After `end()` everything has been handed over and its end is a true one. It is left to go out first: the kernel refuses
 * an RST in the middle of a shutdown, and a plain close there would drop the rest and look clean.
 */
export const resetLocal = (local: Duplex): void => {
  if (!(local instanceof Socket)) local.destroy()
  else if (local.destroyed) return
  else if (local.writableEnded && !local.writableFinished) local.once('finish', () => reset(local))
  else reset(local)
}

const reset = (socket: Socket): void => {
  if (socket.destroyed) return
  try {
    socket.resetAndDestroy()
  } catch {
    socket.destroy()
  }
}

const codes: Record<string, ErrorCode> = {
  ETIMEDOUT: 'UPSTREAM_TIMEOUT',
  EHOSTUNREACH: 'UPSTREAM_UNREACHABLE',
  ENETUNREACH: 'UPSTREAM_UNREACHABLE',
  ENETDOWN: 'UPSTREAM_UNREACHABLE'
}

/** What the other end of the tunnel is told when a local connection breaks. */
const localError = (error: Error | undefined): MeshError => {
  if (error instanceof MeshError) return error
  const systemCode = error !== undefined && 'code' in error ? String(error.code) : undefined
  const code = systemCode === undefined ? undefined : codes[systemCode]
  return new MeshError(
    code ?? 'TUNNEL_RESET',
    `The local connection was reset${systemCode === undefined ? '' : ` (${systemCode})`}.`,
    { cause: error }
  )
}

const cutShort = (): MeshError => new MeshError('CONNECTION_LOST', 'The tunnel was closed before the end of the data.')
