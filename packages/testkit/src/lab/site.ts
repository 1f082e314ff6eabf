import { layCable } from './cable.ts'
import type { Delay } from './delay-line.ts'
import type { Faults } from './faults.ts'
import { ip, run } from './ip.ts'
import { natRules, type Nat } from './nat.ts'

/** The end of a cable in a namespace, as in every host, whichever kernel part made it. */
const outer = 'outer'
/** The bridge of a router that its hosts are plugged into. */
const inner = 'inner'
const gateway = '10.0.0.1'
/** Of Ethernet. */
const usualMtu = 1_500

export interface LabHost {
  readonly name: string
  /** Of the host, or of the NAT before it, at this moment. */
  readonly publicAddress: string
  /** The one that the host has itself. */
  readonly ownAddress: string
  readonly site: LabSite
  /** Program and arguments that run another program in the host's namespace. */
  command: (program: string, ...args: string[]) => [program: string, args: string[]]
  /** Takes another address of its own: a public one without a NAT, otherwise one of 10.0.0.0/24. */
  readdress: (address: string) => void
  /** Of the site's cable to the internet. */
  cut: () => void
  silence: () => void
  restore: () => void
}

/** One cable to the internet, and what is behind it: a public host, or a NAT with hosts. */
export interface LabSite {
  /** Of the public host, or of the NAT. */
  readonly publicAddress: string
  /** Where its cable is plugged in. */
  readonly port: string
  /** One more host behind the NAT. */
  addHost: (name: string) => LabHost
  /** Pulls the cable to the internet: interfaces see that it is gone. */
  cut: () => void
  /** Drops every packet between the site and the internet without a word. */
  silence: () => void
  /** Undoes `cut` and `silence`. */
  restore: () => void
  /** What the cable does to packets from now on, in the place of what it did before. */
  spoil: (faults: Faults) => void
  /** Bits per second that the cable carries, each way; undefined for as many as come. */
  limit: (bitsPerSecond: number | undefined) => void
  /** How long packets take over the cable, each way; resolves when it holds. */
  delay: (delay: Delay) => Promise<void>
  /** Largest packet of all cables of the site; its hosts know it. */
  setMtu: (bytes: number) => void
  /** Takes another public address: the NAT, or the host where there is none. */
  moveTo: (publicAddress: string) => void
}

export interface SiteInit {
  name: string
  publicAddress: string
  nat: Nat
  /** Namespace of the internet, and the way out that everybody is told. */
  net: string
  exit: string
  /** Makes a namespace. @returns its name */
  makeNamespace: (short: string) => string
  /** @returns a free name of a port of the internet */
  nextPort: () => string
}

/** One packet of TCP is one packet of the cable, as on a real one: faults would otherwise hit 64 KiB at once. */
const withoutBatches = (namespace: string, device: string): string =>
  ip(`-n ${namespace} link set ${device} gso_max_segs 1`)

const setAddress = (namespace: string, address: string, bits: number, exit: string): void => {
  ip(`-n ${namespace} addr flush dev ${outer} scope global`)
  ip(`-n ${namespace} addr add ${address}/${bits} dev ${outer}`)
  ip(`-n ${namespace} route replace default via ${exit}`)
}

export const createSite = ({ name, publicAddress, nat, net, exit, makeNamespace, nextPort }: SiteInit): LabSite => {
  const edge = makeNamespace(nat === 'none' ? name : `${name}-nat`)
  const port = nextPort()
  let address = publicAddress
  let mtu = usualMtu
  const hosts: Array<{ namespace: string; own: string }> = []
  const cable = layCable({ net, port, edge, outer, makeMiddle: () => makeNamespace(`${name}-cable`) })
  const ends = { cut: cable.cut, silence: cable.silence, restore: cable.restore }
  withoutBatches(edge, outer)
  setAddress(edge, address, 8, exit)
  if (nat !== 'none') {
    ip(`-n ${edge} link add ${inner} type bridge`)
    ip(`-n ${edge} link set ${inner} up`)
    ip(`-n ${edge} addr add ${gateway}/24 dev ${inner}`)
    ip(`netns exec ${edge} sysctl -qw net.ipv4.ip_forward=1`)
  }

  /** Whoever sends from outside to a full cone reaches the first host. */
  const setNat = (): void => {
    const [first] = hosts
    if (nat === 'none' || first === undefined) return
    run('ip', ['netns', 'exec', edge, 'nft', '-f', '-'], `flush ruleset\n${natRules(nat, outer, first.own)}`)
  }
  const hostOf = (short: string, namespace: string, own: string): LabHost => {
    const entry = { namespace, own }
    hosts.push(entry)
    setNat()
    return {
      name: short,
      site,
      get publicAddress() {
        return address
      },
      get ownAddress() {
        return nat === 'none' ? address : entry.own
      },
      command: (program, ...args) => ['ip', ['netns', 'exec', namespace, program, ...args]],
      readdress: (to) => {
        if (nat === 'none') {
          site.moveTo(to)
          return
        }
        entry.own = to
        setAddress(namespace, to, 24, gateway)
        setNat()
      },
      ...ends
    }
  }

  const addHost = (short: string): LabHost => {
    if (nat === 'none') {
      if (hosts.length > 0) throw new Error(`${name} has no NAT, so that it is one host.`)
      return hostOf(short, edge, address)
    }
    const namespace = makeNamespace(short)
    const own = `10.0.0.${hosts.length + 2}`
    const socket = `inner${hosts.length + 1}`
    ip(`-n ${edge} link add ${socket} type veth peer name ${outer} netns ${namespace}`)
    ip(`-n ${edge} link set ${socket} mtu ${mtu} master ${inner} up`)
    ip(`-n ${namespace} link set ${outer} mtu ${mtu} up`)
    withoutBatches(namespace, outer)
    setAddress(namespace, own, 24, gateway)
    return hostOf(short, namespace, own)
  }

  const site: LabSite = {
    get publicAddress() {
      return address
    },
    port,
    addHost,
    ...ends,
    spoil: cable.spoil,
    limit: cable.limit,
    delay: cable.delay,
    setMtu: (bytes) => {
      mtu = bytes
      cable.setMtu(bytes)
      if (nat === 'none') return
      for (const [place, { namespace }] of hosts.entries()) {
        ip(`-n ${edge} link set inner${place + 1} mtu ${bytes}`)
        ip(`-n ${namespace} link set ${outer} mtu ${bytes}`)
      }
      ip(`-n ${edge} link set ${inner} mtu ${bytes}`)
    },
    moveTo: (to) => {
      address = to
      setAddress(edge, to, 8, exit)
    }
  }
  return site
}
