import { readFileSync } from 'node:fs'
import { ip, tryIp } from './ip.ts'

/**
 * The names of namespaces are the registry of what labs made: `mesh-lab-<pid>-<start of that process>-…`. It cannot
 * disagree with what there is, and a process number that was given away again is told apart by its start.
 */
const family = 'mesh-lab'

/** Start of a process in ticks since boot, field 22 of its stat; undefined where there is no such process. */
const startOf = (pid: string): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

let count = 0

/** What all namespaces of one lab begin with. */
export const newPrefix = (): string => {
  count += 1
  return `${family}-${process.pid}-${startOf(`${process.pid}`)}-${count}`
}

/** Ends what runs in a namespace and removes it. */
export const removeNamespace = (name: string): void => {
  for (const pid of (tryIp(`netns pids ${name}`) ?? '').split('\n').filter((one) => one !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  tryIp(`netns del ${name}`)
}

/** Removes what labs left whose process is gone. @returns the names of the namespaces */
export const sweep = (): string[] => {
  const names = ip('netns list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
  const left = names.filter((name) => {
    const [, pid, start] = /^mesh-lab-(\d+)-(\d+)-/.exec(name) ?? []
    return pid !== undefined && startOf(pid) !== start
  })
  for (const name of left) removeNamespace(name)
  return left
}
