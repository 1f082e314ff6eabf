import { startCapture, type Capture } from './capture.ts'
import { wallRules, type Walls } from './faults.ts'
import { ip, run } from './ip.ts'
import type { Nat } from './nat.ts'
import { newPrefix, removeNamespace, sweep } from './registry.ts'
import { createSite, type LabHost, type LabSite } from './site.ts'
import { whyNoLab } from './abilities.ts'

/** Where everybody sends what is for nobody in the lab: it is seen there, and goes nowhere. */
const exit = '5.255.255.254'

export interface Lab {
  /** Everybody's way to what is for nobody in the lab: an address that answers nothing. */
  readonly exit: string
  /** A host with a public address of 5.0.0.0/8, or behind a NAT of its own that has this address. */
  addHost: (name: string, publicAddress: string, nat?: Nat) => LabHost
  /** A NAT of this public address, for several hosts. */
  addSite: (name: string, publicAddress: string, nat: Exclude<Nat, 'none'>) => LabSite
  /** Nothing passes between hosts or sites of different groups, and nobody is told; until `heal`. */
  divide: (...groups: ReadonlyArray<ReadonlyArray<LabHost | LabSite>>) => void
  /** Nothing passes from one to the other, and nobody is told; until `heal`. */
  swallow: (from: LabHost | LabSite, to: LabHost | LabSite) => void
  /** Undoes `divide` and `swallow`. */
  heal: () => void
  /** Writes down every packet on the internet from now on. */
  capture: () => Promise<Capture>
  /** Ends what runs in the lab and removes it; done at the end of the process too. */
  close: () => void
}

const portOf = (one: LabHost | LabSite): string => ('site' in one ? one.site.port : one.port)

/**
 * An internet of namespaces: one bridge that public hosts and NATs are plugged into. What labs of processes that were
 * killed have left behind is removed first.
 *
 * ```ts
 * const lab = createLab()
 * const alice = lab.addHost('alice', '5.5.5.1', 'port-restricted')
 * alice.site.spoil({ lossOut: 0.02 })
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
  const captures = new Set<Capture>()
  let ports = 0
  let walls: Walls = []

  const makeNamespace = (short: string): string => {
    const name = `${prefix}-${short}`
    ip(`netns add ${name}`)
    names.push(name)
    ip(`-n ${name} link set lo up`)
    return name
  }
  const close = (): void => {
    process.off('exit', close)
    for (const one of captures) one.discard()
    for (const name of names.splice(0).toReversed()) removeNamespace(name)
  }
  process.once('exit', close)

  const net = makeNamespace('net')
  ip(`-n ${net} link add bridge type bridge`)
  ip(`-n ${net} link set bridge up mtu 1500`)
  ip(`-n ${net} addr add ${exit}/8 dev bridge`)

  const siteOf = (name: string, publicAddress: string, nat: Nat): LabSite =>
    createSite({
      name,
      publicAddress,
      nat,
      net,
      exit,
      makeNamespace,
      nextPort: () => `port${(ports += 1)}`
    })
  const setWalls = (all: Walls): void => {
    walls = all
    run('ip', ['netns', 'exec', net, 'nft', '-f', '-'], wallRules(walls))
  }
  return {
    exit,
    addHost: (name, publicAddress, nat = 'none') => siteOf(name, publicAddress, nat).addHost(name),
    addSite: siteOf,
    divide: (...groups) => {
      const sides = groups.map((group) => group.map(portOf))
      const pairs = sides.flatMap((side) =>
        side.flatMap((from) =>
          sides.filter((other) => other !== side).flatMap((other) => other.map((to) => [from, to]))
        )
      )
      setWalls([...walls, ...pairs.map(([from = '', to = '']) => [from, to] as const)])
    },
    swallow: (from, to) => setWalls([...walls, [portOf(from), portOf(to)]]),
    heal: () => setWalls([]),
    capture: async () => {
      const capture = await startCapture(net)
      captures.add(capture)
      return capture
    },
    close
  }
}
