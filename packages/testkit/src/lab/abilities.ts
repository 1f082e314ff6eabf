import { faultRules, wallRules } from './faults.ts'
import { run } from './ip.ts'
import { rateQueue } from './queue.ts'

/** What a lab can do beside joining namespaces by cables and NATs. */
export type LabAbility = 'faults' | 'walls' | 'rate' | 'capture' | 'delay'

/** Why there is no lab to be had here; undefined where there is one. */
export const whyNoLab = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  try {
    run('unshare', ['--net', 'nft', 'list', 'ruleset'])
    return undefined
  } catch {
    return 'nft and network namespaces are not to be had here'
  }
}

const inNamespace = (program: string, args: readonly string[], input = ''): void =>
  void run('unshare', ['--net', program, ...args], input)

// AF_PACKET is 17, SOCK_RAW is 3, ETH_P_ALL in network order is 0x0300.
const packetSockets = {
  attempt: (): void => inNamespace('perl', ['-e', 'socket(my $s, 17, 3, 0x0300) or die']),
  lacking: 'perl or packet sockets are not to be had here'
}

/** Each fails where the ability is not there, and leaves nothing. */
const tries: Readonly<Record<LabAbility, { attempt: () => void; lacking: string }>> = {
  faults: {
    attempt: () =>
      inNamespace(
        'nft',
        ['-f', '-'],
        faultRules('lo', { lossIn: 0.5, lossOut: 0.5, blocked: ['udp'], largestBytes: 9 })
      ),
    lacking: 'this kernel drops nothing at single devices'
  },
  walls: {
    attempt: () => inNamespace('nft', ['-f', '-'], wallRules([['a', 'b']])),
    lacking: 'this kernel filters nothing in bridges'
  },
  rate: {
    attempt: () => inNamespace('tc', `qdisc add dev lo root ${rateQueue(1_000_000)}`.split(' ')),
    lacking: 'this kernel has no token bucket filter'
  },
  capture: packetSockets,
  // Where the kernel has netem it does most of it, but jitter that keeps the order is made by a process everywhere.
  delay: packetSockets
}

/** Why a lab cannot do all of these here; undefined where it can. */
export const whyNot = (...abilities: LabAbility[]): string | undefined => {
  const reason = whyNoLab()
  if (reason !== undefined) return reason
  for (const ability of abilities) {
    const { attempt, lacking } = tries[ability]
    try {
      attempt()
    } catch {
      return lacking
    }
  }
  return undefined
}
