import { startDelayLine, whyNot, type DelayLine } from '@agent-mesh/testkit/lab'
import { ip, tryIp } from './ip.ts'

/** One of two namespaces that a cable joins. */
interface End {
  namespace: string
  address: string
}

export interface SlowCable {
  whyNot: () => string | undefined
  /** 0 for the cable as it is. */
  set: (ms: number) => Promise<void>
}

/** A second cable between the two, with a process in its middle that delays what it carries. */
const lay = async (ends: readonly [End, End], middle: string): Promise<DelayLine> => {
  // Nobody but the line says anything there.
  tryIp(`netns exec ${middle} sysctl -qw net.ipv6.conf.default.disable_ipv6=1`)
  for (const [at, { namespace }] of ends.entries()) {
    ip(`-n ${namespace} link add slow type veth peer name end${at} netns ${middle}`)
    ip(`-n ${namespace} link set slow up`)
    ip(`-n ${middle} link set end${at} up`)
  }
  return startDelayLine(middle, ['end0', 'end1'])
}

/**
 * Delays between the two ends of a cable: by netem on the cable where the kernel has it, otherwise by a second cable that
 * what they say to each other is routed over while there is a delay.
 * @param makeNamespace - makes a namespace for the middle of the second. @returns its name
 */
export const createSlowCable = (ends: readonly [End, End], makeNamespace: () => string): SlowCable => {
  const setNetem = (ms: number): boolean =>
    ends
      .map(({ namespace }) => {
        const qdisc = `netns exec ${namespace} tc qdisc`
        return ms === 0
          ? tryIp(`${qdisc} del dev cable root`)
          : tryIp(`${qdisc} replace dev cable root netem delay ${ms}ms limit 100000`)
      })
      .every((said) => said !== undefined)
  const hasNetem = (): boolean => {
    const isThere = setNetem(1)
    setNetem(0)
    return isThere
  }
  /** A packet socket is not handed what a tunnel of the kernel wraps before it is cut into segments. */
  const setSegments = (most: number): void => {
    for (const { namespace } of ends)
      for (const [, device] of ip(`-n ${namespace} -o link show type vxlan`).matchAll(/^\d+: ([^:@]+)/gm))
        ip(`-n ${namespace} link set ${device} gso_max_segs ${most}`)
  }
  let line: Promise<DelayLine> | undefined
  return {
    whyNot: () => (hasNetem() ? undefined : whyNot('delay')),
    set: async (ms) => {
      if (line === undefined && setNetem(ms)) return
      if (ms > 0) {
        line ??= lay(ends, makeNamespace())
        await (await line).set({ ms })
      }
      setSegments(ms === 0 ? 65_535 : 1)
      const [near, far] = ends
      for (const [{ namespace, address }, other] of [[near, far] as const, [far, near] as const]) {
        if (ms === 0) tryIp(`-n ${namespace} route del ${other.address}/32 dev slow`)
        else ip(`-n ${namespace} route replace ${other.address}/32 dev slow src ${address}`)
      }
    }
  }
}
