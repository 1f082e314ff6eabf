import { readFileSync } from 'node:fs'

/**
 * For how long the main thread of this process was ready and got no processor, in milliseconds since it began: what
 * other programs of the machine cost, from the second number in /proc/self/schedstat. 0 where the kernel does not say.
 */
export const waitedForProcessorMs = (): number => {
  try {
    const [, waitedNs = '0'] = readFileSync('/proc/self/schedstat', 'utf8').split(' ')
    return Number(waitedNs) / 1e6
  } catch {
    return 0
  }
}
