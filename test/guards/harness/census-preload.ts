/**
 * Loaded into a node before its own code: on SIGUSR2 it collects the garbage and says on one line what is left, those
 * timers included that do not keep a process alive.
 */
import { EventEmitter } from 'node:events'
import { readdirSync } from 'node:fs'
import { queryObjects } from 'node:v8'

const timer = setTimeout(() => {}, 0)
clearTimeout(timer)

const count = (constructor: Function): number => queryObjects(constructor, { format: 'count' })

process.on('SIGUSR2', () => {
  // counting collects as well
  const timers = count(timer.constructor)
  const census = {
    timers,
    emitters: count(EventEmitter),
    signals: count(AbortSignal),
    targets: count(EventTarget),
    descriptors: readdirSync('/proc/self/fd').length,
    heapBytes: process.memoryUsage().heapUsed
  }
  process.stderr.write(`${JSON.stringify({ census })}\n`)
})
