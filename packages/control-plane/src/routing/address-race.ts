import { createLeash } from './leash.ts'
import { deadline } from '../discovery/deadline.ts'
import { dialFailure, type DialFailure } from './dial-failure.ts'
import type { Multiaddr } from '@multiformats/multiaddr'

export type RaceResult<C> = { won: true; connection: C; address: Multiaddr } | { won: false; failures: DialFailure[] }

export interface RaceInit<C> {
  /** In the order of their starts. */
  addresses: Multiaddr[]
  dial: (address: Multiaddr, signal: AbortSignal) => Promise<C>
  /** Gets what was opened after another address had won. */
  discard: (late: C) => void
  signal: AbortSignal
  addressTimeoutMs: number
  /** Dials under way at the same time. */
  parallel?: number
  /** A slow address delays the next one by this; a failed one by nothing. */
  staggerMs?: number
}

/** Dials addresses in a staggered race; the first connection wins, the rest is given up. Never rejects. */
export const raceAddresses = async <C>({
  addresses,
  dial,
  discard,
  signal,
  addressTimeoutMs,
  parallel = 3,
  staggerMs = 250
}: RaceInit<C>): Promise<RaceResult<C>> => {
  const { promise, resolve } = Promise.withResolvers<RaceResult<C>>()
  const over = new AbortController()
  const waiting = [...addresses]
  const failures: DialFailure[] = []
  let running = 0
  let timer: NodeJS.Timeout | undefined

  const end = (result: RaceResult<C>): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
    resolve(result)
    over.abort()
  }
  const giveUp = (): void => end({ won: false, failures: [...failures] })

  const attempt = async (address: Multiaddr): Promise<void> => {
    running++
    const leash = createLeash(deadline(addressTimeoutMs, signal, over.signal))
    try {
      const connection = await dial(address, leash.signal)
      leash.release()
      if (over.signal.aborted) discard(connection)
      else end({ won: true, connection, address })
    } catch (err) {
      failures.push(dialFailure(address, err))
    } finally {
      running--
      if (!over.signal.aborted) next()
    }
  }
  const next = (): void => {
    clearTimeout(timer)
    const address = running < parallel ? waiting.shift() : undefined
    if (address !== undefined) void attempt(address)
    else if (running === 0) giveUp()
    if (waiting.length > 0 && running < parallel && !over.signal.aborted) timer = setTimeout(next, staggerMs)
  }

  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp()
  else next()
  return promise
}
