import { readFileSync } from 'node:fs'
import { atEnd } from '../at-end.ts'
import { ip, tryIp } from './ip.ts'
import { createSlowCable } from './slow-cable.ts'
import type { Place, Side } from './place.ts'

/** Names say which process made them and when it began, so that what a killed run left can be told from a run in use. */
const family = 'mesh-bench'

/** Start of a process in ticks since boot, field 22 of its stat; undefined where there is no such process. */
const startOf = (pid: string): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

const remove = (name: string): void => {
  for (const pid of (tryIp(`netns pids ${name}`) ?? '').split('\n').filter((one) => one !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  tryIp(`netns del ${name}`)
}

const sweep = (): void => {
  for (const line of ip('netns list').split('\n')) {
    const name = line.split(' ')[0] ?? ''
    const [, pid, start] = /^mesh-bench-(\d+)-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && startOf(pid) !== start) remove(name)
  }
}

/** Why there are no network namespaces to be had; undefined where there are. */
export const whyNoNamespaces = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  return tryIp('netns list') === undefined ? 'network namespaces are not to be had here' : undefined
}

/** Two network namespaces with one cable between them, and no way out. */
export const createNamespaces = (): Place => {
  sweep()
  const names: string[] = []
  const close = (): void => {
    forget()
    for (const name of names.splice(0)) remove(name)
  }
  const forget = atEnd(close)
  const makeNamespace = (short: string): string => {
    const name = `${family}-${process.pid}-${startOf(`${process.pid}`)}-${short}`
    ip(`netns add ${name}`)
    names.push(name)
    ip(`-n ${name} link set lo up`)
    return name
  }
  const add = (short: Side['name'], address: string): [Side, string] => {
    const name = makeNamespace(short)
    // Thousands of short connections a second must not run out of ports.
    tryIp(`netns exec ${name} sysctl -qw net.ipv4.tcp_tw_reuse=1`)
    return [
      { name: short, address, command: (program, ...args) => ['ip', ['netns', 'exec', name, program, ...args]] },
      name
    ]
  }
  const [near, nearName] = add('near', '5.7.7.1')
  const [far, farName] = add('far', '5.7.7.2')
  ip(`-n ${nearName} link add cable type veth peer name cable netns ${farName}`)
  for (const [name, side] of [[nearName, near] as const, [farName, far] as const]) {
    ip(`-n ${name} addr add ${side.address}/24 dev cable`)
    ip(`-n ${name} link set cable up`)
  }
  const slow = createSlowCable(
    [
      { namespace: nearName, address: near.address },
      { namespace: farName, address: far.address }
    ],
    () => makeNamespace('slow')
  )
  return { kind: 'namespaces', reason: undefined, near, far, whyNoDelay: slow.whyNot, delay: slow.set, close }
}
