import { readFileSync } from 'node:fs'

/** Of the clock that counts processor time in /proc. */
const ticksPerSecond = 100

/** Processor time that a process has used, in milliseconds; NaN where the kernel does not say. */
export const cpuTimeMs = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}
