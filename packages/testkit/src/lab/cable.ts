import { faultRules, type Faults } from './faults.ts'
import { ip, run, tryIp } from './ip.ts'
import { startDelayLine, type Delay, type DelayLine } from './delay-line.ts'
import { delayQueue, rateQueue } from './queue.ts'

/** One cable between the internet and a site, and what is wrong with it. */
export interface Cable {
  /** Pulls it: interfaces see that it is gone. */
  cut: () => void
  /** Drops every packet without a word. */
  silence: () => void
  /** Undoes `cut` and `silence`. */
  restore: () => void
  spoil: (faults: Faults) => void
  limit: (bitsPerSecond: number | undefined) => void
  delay: (delay: Delay) => Promise<void>
  setMtu: (bytes: number) => void
}

export interface CableInit {
  /** Namespace of the internet, with the bridge that the port belongs to. */
  net: string
  port: string
  /** Namespace of the site, and the device of the cable there. */
  edge: string
  outer: string
  /** Makes a namespace for what stands in the middle. @returns its name */
  makeMiddle: () => string
}

/** Ends of the two halves of a cable that has a delay line in its middle. */
const halves = { near: 'near', far: 'far' } as const

export const layCable = ({ net, port, edge, outer, makeMiddle }: CableInit): Cable => {
  ip(`-n ${net} link add ${port} type veth peer name ${outer} netns ${edge}`)
  ip(`-n ${net} link set ${port} master bridge up`)
  ip(`-n ${edge} link set ${outer} up`)
  let mtu: number | undefined
  let faults: Faults | undefined
  let rate: number | undefined
  let delayMs = 0
  let middle: { namespace: string; line: Promise<DelayLine> } | undefined

  const setPort = (how: string): void => void ip(`-n ${net} link set ${port} ${how}`)
  const setMiddle = (how: string): void => {
    if (middle === undefined) return
    for (const device of Object.values(halves)) ip(`-n ${middle.namespace} link set ${device} ${how}`)
  }
  const spoil = (what: Faults): void => {
    faults = what
    run('ip', ['netns', 'exec', net, 'nft', '-f', '-'], faultRules(port, what))
  }
  /** Of both ends: the rate, and the delay where the kernel has one. */
  const setQueues = (): void => {
    for (const [namespace, device] of [
      [net, port],
      [edge, outer]
    ] as const) {
      const tc = `netns exec ${namespace} tc qdisc`
      tryIp(`${tc} del dev ${device} root`)
      if (rate !== undefined) ip(`${tc} add dev ${device} root handle 1: ${rateQueue(rate)}`)
      const place = rate === undefined ? 'root' : 'parent 1:1'
      if (delayMs > 0) ip(`${tc} add dev ${device} ${place} handle 2: ${delayQueue(delayMs)}`)
    }
  }
  const delayInKernel = (ms: number): boolean => {
    try {
      delayMs = ms
      setQueues()
      return true
    } catch {
      delayMs = 0
      setQueues()
      return false
    }
  }
  /** The end at the bridge goes to a namespace of its own, and a second cable takes its place. */
  const cutIn = (): { namespace: string; line: Promise<DelayLine> } => {
    const namespace = makeMiddle()
    // Nobody but the line says anything there.
    tryIp(`netns exec ${namespace} sysctl -qw net.ipv6.conf.default.disable_ipv6=1`)
    ip(`-n ${net} link set ${port} netns ${namespace} name ${halves.far}`)
    ip(`-n ${net} link add ${port} type veth peer name ${halves.near} netns ${namespace}`)
    middle = { namespace, line: startDelayLine(namespace, [halves.near, halves.far]) }
    if (mtu !== undefined) setMtu(mtu)
    setPort('master bridge up')
    setMiddle('up')
    if (faults !== undefined) spoil(faults)
    setQueues()
    return middle
  }
  const setMtu = (bytes: number): void => {
    mtu = bytes
    setPort(`mtu ${bytes}`)
    setMiddle(`mtu ${bytes}`)
    ip(`-n ${edge} link set ${outer} mtu ${bytes}`)
  }
  return {
    cut: () => {
      setPort('down')
      setMiddle('down')
    },
    // A port that is up and belongs to no bridge takes packets and passes none on.
    silence: () => setPort('nomaster'),
    restore: () => {
      setPort('master bridge up')
      setMiddle('up')
    },
    spoil,
    limit: (bitsPerSecond) => {
      rate = bitsPerSecond
      setQueues()
    },
    delay: async (delay) => {
      const isPlain = (delay.jitterMs ?? 0) === 0 && delay.queueBytes === undefined
      if (middle === undefined && isPlain && delayInKernel(delay.ms)) return
      if (delayMs > 0) delayInKernel(0)
      middle ??= cutIn()
      const line = await middle.line
      await line.set(delay)
    },
    setMtu
  }
}
