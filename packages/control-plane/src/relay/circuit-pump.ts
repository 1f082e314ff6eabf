import { limits } from '@agent-mesh/wire'
import { StreamTap } from './stream-tap.ts'
import type { Stream } from '@libp2p/interface'

export interface PumpInit {
  /**
   * Told of bytes before they are passed on.
   * @returns milliseconds that their sender has to pause, or the reason to cut the circuit
   */
  onBytes: (count: number) => number | Error
  /** Bytes that may wait for the reader before the sender is stopped. */
  queueBytes?: number
}

/** How long one side of a circuit may stay open after the other has gone. */
const lingerMs = 2_000

/**
 * One direction of a circuit. What the reader does not take makes the sender wait: its stream is paused, and its window,
 * at most one read buffer, is all that it can still send.
 */
const pump = (from: Stream, to: Stream, { onBytes, queueBytes = limits.relayQueueBytes }: PumpInit): void => {
  const tap = new StreamTap(from)
  const reasons = new Set<'full' | 'rate'>()
  let timer: NodeJS.Timeout | undefined
  const cut = (err: Error): void => {
    from.abort(err)
    to.abort(err)
  }
  const hold = (reason: 'full' | 'rate'): void => {
    reasons.add(reason)
    tap.shut()
  }
  const release = (reason: 'full' | 'rate'): void => {
    if (reasons.delete(reason) && reasons.size === 0) tap.open()
  }
  const onRoom = (): void => {
    if (!reasons.has('full') || to.writeBufferLength > queueBytes / 2) return
    // what is sent from within the event is queued and never leaves
    queueMicrotask(() => release('full'))
  }
  from.addEventListener('message', ({ data }) => {
    if (to.writeStatus !== 'writable') return
    const owed = onBytes(data.byteLength)
    if (typeof owed !== 'number') return cut(owed)
    const hasRoom = to.send(data)
    if (!hasRoom && to.writeBufferLength > queueBytes) hold('full')
    if (owed >= 1) {
      hold('rate')
      clearTimeout(timer)
      timer = setTimeout(() => release('rate'), owed)
    }
  })
  to.addEventListener('drain', onRoom)
  to.addEventListener('idle', onRoom)
  from.addEventListener('end', () => {
    void to.close().catch((err: Error) => to.abort(err))
  })
  from.addEventListener('close', ({ error }) => {
    clearTimeout(timer)
    if (error !== undefined) return to.abort(error)
    // what is on its way still arrives; who does not close in turn is not waited for
    const gone = new Error('the other side of the circuit has gone')
    setTimeout(() => to.abort(gone), lingerMs).unref()
  })
}

/**
 * Joins two streams to a circuit.
 * @param onEnd - once, when both have closed
 */
export const joinStreams = (
  [caller, callee]: [Stream, Stream],
  [fromCaller, fromCallee]: [PumpInit, PumpInit],
  onEnd: () => void
): void => {
  let open = [caller, callee].filter(({ status }) => status === 'open' || status === 'closing').length
  const onClose = (): void => {
    open -= 1
    if (open === 0) onEnd()
  }
  if (open < 2) {
    const gone = new Error('one side of the circuit has gone')
    caller.abort(gone)
    callee.abort(gone)
    return onEnd()
  }
  caller.addEventListener('close', onClose, { once: true })
  callee.addEventListener('close', onClose, { once: true })
  pump(caller, callee, fromCaller)
  pump(callee, caller, fromCallee)
}
