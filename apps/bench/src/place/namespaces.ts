import { readFileSync } from 'node:fs'
import { atEnd } from '../at-end.ts'
import { ip, tryIp } from './ip.ts'
import { createSlowCable } from './slow-cable.ts'
import type { Host, Middle, Place, Side } from './place.ts'

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

/** A namespace of this run, and how programs are started in it. */
interface Namespace {
  name: string
  command: Host['command']
}

const add = (short: string): Namespace => {
  const name = `${family}-${process.pid}-${startOf(`${process.pid}`)}-${short}`
  ip(`netns add ${name}`)
  ip(`-n ${name} link set lo up`)
  // Thousands of short connections a second must not run out of ports.
  tryIp(`netns exec ${name} sysctl -qw net.ipv4.tcp_tw_reuse=1`)
  return { name, command: (program, ...args) => ['ip', ['netns', 'exec', name, program, ...args]] }
}

interface Plug extends Namespace {
  device: string
  address: string
}

/** A cable between two namespaces. */
const plug = (one: Plug, other: Plug): void => {
  ip(`-n ${one.name} link add ${one.device} type veth peer name ${other.device} netns ${other.name}`)
  for (const { name, device, address } of [one, other]) {
    ip(`-n ${name} addr add ${address}/24 dev ${device}`)
    ip(`-n ${name} link set ${device} up`)
  }
}

const joinMiddle = (near: Namespace, far: Namespace, middle: Namespace): Middle => {
  const ends = {
    near: { ...near, device: 'to-middle', address: '5.7.8.1' },
    fromNear: { ...middle, device: 'to-near', address: '5.7.8.3' },
    far: { ...far, device: 'to-middle', address: '5.7.9.2' },
    fromFar: { ...middle, device: 'to-far', address: '5.7.9.3' }
  }
  plug(ends.near, ends.fromNear)
  plug(ends.far, ends.fromFar)
  return {
    near: { ...near, name: 'near', address: ends.near.address },
    far: { ...far, name: 'far', address: ends.far.address },
    fromNear: ends.fromNear,
    fromFar: ends.fromFar
  }
}

/** Two network namespaces with one cable between them, a third with one to each of them, and no way out. */
export const createNamespaces = (): Place => {
  sweep()
  const names: string[] = []
  const close = (): void => {
    forget()
    for (const name of names.splice(0)) remove(name)
  }
  const forget = atEnd(close)
  const make = (short: string): Namespace => {
    const namespace = add(short)
    names.push(namespace.name)
    return namespace
  }
  const [near, far, middle] = ['near', 'far', 'middle'].map(make)
  if (near === undefined || far === undefined || middle === undefined) throw new Error('a namespace is missing')
  const sides: [Side, Side] = [
    { ...near, name: 'near', address: '5.7.7.1' },
    { ...far, name: 'far', address: '5.7.7.2' }
  ]
  plug({ ...near, device: 'cable', address: sides[0].address }, { ...far, device: 'cable', address: sides[1].address })
  const slow = createSlowCable(
    [
      { namespace: near.name, address: sides[0].address },
      { namespace: far.name, address: sides[1].address }
    ],
    () => make('slow').name
  )
  return {
    kind: 'namespaces',
    reason: undefined,
    near: sides[0],
    far: sides[1],
    middle: joinMiddle(near, far, middle),
    whyNoDelay: slow.whyNot,
    delay: slow.set,
    close
  }
}
