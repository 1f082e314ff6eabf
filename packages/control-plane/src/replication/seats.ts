import { MeshError } from '@agent-mesh/wire'
import { abortable } from '../admission/abortable.ts'

/** Exchanges that are served at once; each holds a few messages in memory. Others wait their turn. */
const mostSeats = 32
/** Of one member. */
export const mostSeatsPerPeer = 2

export interface Seats {
  /**
   * Waits until there is one.
   * @returns the way to leave it
   * @throws MeshError RATE_LIMITED where the peer has its share; the reason of the signal
   */
  take: (peer: string, signal: AbortSignal) => Promise<() => void>
}

/** How many are served at once, in the order in which they came. */
export const createSeats = (most: number = mostSeats, mostPerPeer: number = mostSeatsPerPeer): Seats => {
  const peers = new Map<string, number>()
  const waiting: Array<() => void> = []
  let taken = 0
  const leaveQueue = (peer: string): void => {
    const count = (peers.get(peer) ?? 1) - 1
    if (count === 0) peers.delete(peer)
    else peers.set(peer, count)
  }
  return {
    take: async (peer, signal) => {
      const count = peers.get(peer) ?? 0
      if (count >= mostPerPeer)
        throw new MeshError('RATE_LIMITED', `${peer} has ${mostPerPeer} comparisons under way here already.`)
      peers.set(peer, count + 1)
      if (taken < most) taken++
      else {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.push(resolve)
        try {
          await abortable(promise, signal)
        } catch (err) {
          const index = waiting.indexOf(resolve)
          // it was given the seat at the very moment in which it gave up
          if (index === -1) (waiting.shift() ?? (() => taken--))()
          else waiting.splice(index, 1)
          leaveQueue(peer)
          throw err
        }
      }
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        leaveQueue(peer)
        const next = waiting.shift()
        if (next === undefined) taken--
        else next()
      }
    }
  }
}
