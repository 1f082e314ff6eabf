import { natRules, type Nat } from './nat.ts'
import { newPrefix, removeNamespace, sweep } from './registry.ts'
import { ip, run } from './ip.ts'

const inner = 'inner'
const outer = 'outer'
const insideAddress = '10.0.0.2'
const gateway = '10.0.0.1'

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

export interface LabHost {
  /** Of the host, or of the NAT before it. */
  readonly publicAddress: string
  /** The one that the host has itself. */
  readonly ownAddress: string
  /** Program and arguments that run another program in the host's namespace. */
  command: (program: string, ...args: string[]) => [program: string, args: string[]]
  /** Pulls the cable to the internet: interfaces see that it is gone. */
  cut: () => void
  /** Drops every packet between the host, or its NAT, and the internet without a word. */
  silence: () => void
  /** Undoes `cut` and `silence`. */
  restore: () => void
}

export interface Lab {
  /** A host with a public address of 5.0.0.0/8, or behind a NAT of its own that has this address. */
  addHost: (name: string, publicAddress: string, nat?: Nat) => LabHost
  /** Ends what runs in the lab and removes it; done at the end of the process too. */
  close: () => void
}

/**
 * An internet of namespaces: one bridge that public hosts and NATs are plugged into. What labs of processes that were
 * killed have left behind is removed first.
 *
 * ```ts
 * const lab = createLab()
 * const alice = lab.addHost('alice', '5.5.5.1', 'port-restricted')
 * const child = spawn(...alice.command('curl', 'http://5.5.5.9/'))
 * ```
 *
 * @throws Error where there are no namespaces: see `whyNoLab`
 */
export const createLab = (): Lab => {
  const reason = whyNoLab()
  if (reason !== undefined) throw new Error(`There is no lab here: ${reason}.`)
  sweep()
  const prefix = newPrefix()
  const names: string[] = []
  let ports = 0

  const add = (short: string): string => {
    const name = `${prefix}-${short}`
    ip(`netns add ${name}`)
    names.push(name)
    ip(`-n ${name} link set lo up`)
    return name
  }
  const close = (): void => {
    process.off('exit', close)
    for (const name of names.splice(0).toReversed()) removeNamespace(name)
  }
  process.once('exit', close)

  const net = add('net')
  ip(`-n ${net} link add bridge type bridge`)
  ip(`-n ${net} link set bridge up`)

  /** @returns the bridge's end of the cable */
  const plug = (name: string, address: string): string => {
    ports += 1
    const port = `port${ports}`
    ip(`-n ${net} link add ${port} type veth peer name ${outer} netns ${name}`)
    ip(`-n ${net} link set ${port} master bridge up`)
    ip(`-n ${name} addr add ${address}/8 dev ${outer}`)
    ip(`-n ${name} link set ${outer} up`)
    return port
  }

  const addHost = (short: string, publicAddress: string, nat: Nat = 'none'): LabHost => {
    const name = add(short)
    const edge = nat === 'none' ? name : add(`${short}-nat`)
    const port = plug(edge, publicAddress)
    if (nat !== 'none') {
      ip(`-n ${edge} link add ${inner} type veth peer name ${outer} netns ${name}`)
      ip(`-n ${edge} addr add ${gateway}/24 dev ${inner}`)
      ip(`-n ${edge} link set ${inner} up`)
      ip(`-n ${name} addr add ${insideAddress}/24 dev ${outer}`)
      ip(`-n ${name} link set ${outer} up`)
      ip(`-n ${name} route add default via ${gateway}`)
      ip(`netns exec ${edge} sysctl -qw net.ipv4.ip_forward=1`)
      run('ip', ['netns', 'exec', edge, 'nft', '-f', '-'], natRules(nat, outer, insideAddress))
    }
    const setMaster = (how: string): string => ip(`-n ${net} link set ${port} ${how}`)
    return {
      publicAddress,
      ownAddress: nat === 'none' ? publicAddress : insideAddress,
      command: (program, ...args) => ['ip', ['netns', 'exec', name, program, ...args]],
      cut: () => void setMaster('down'),
      // A port that is up and belongs to no bridge takes packets and passes none on.
      silence: () => void setMaster('nomaster'),
      restore: () => void setMaster('master bridge up')
    }
  }
  return { addHost, close }
}
