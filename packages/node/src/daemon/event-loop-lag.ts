import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface EventLoopLag {
  start: () => void
  stop: () => void
  /** How late the latest timer of the last five to ten seconds was, in milliseconds. */
  maxMs: () => number
}

/** How often the loop is looked at; what is measured of an idle one, and is subtracted. */
const resolutionMs = 20
/** Each of two histograms covers two windows, and one of them is emptied at the end of each: no moment is missed. */
const windowMs = 5_000

/** The moving maximum of the delay of this process's event loop. */
export const createEventLoopLag = (): EventLoopLag => {
  const histograms = [0, 1].map(() => monitorEventLoopDelay({ resolution: resolutionMs }))
  let timer: NodeJS.Timeout | undefined
  let turn = 0
  return {
    start: () => {
      for (const histogram of histograms) histogram.enable()
      timer ??= setInterval(() => {
        turn = 1 - turn
        histograms[turn]?.reset()
      }, windowMs).unref()
    },
    stop: () => {
      clearInterval(timer)
      timer = undefined
      for (const histogram of histograms) histogram.disable()
    },
    maxMs: () => {
      const most = Math.max(...histograms.map((histogram) => histogram.max / 1e6))
      return Math.max(0, Math.round((most - resolutionMs) * 10) / 10)
    }
  }
}
