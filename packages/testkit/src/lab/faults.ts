/** What a cable does to packets that cross it. A share of 0.02 loses one packet in fifty. */
export interface Faults {
  /** Share of the packets towards the host that are lost, 0 to 1. */
  lossIn?: number
  /** Share of the packets from the host that are lost, 0 to 1. */
  lossOut?: number
  /** What of IP is lost altogether. */
  blocked?: ReadonlyArray<'tcp' | 'udp' | 'icmp'>
  /** IP packets that are larger vanish, and nobody is told. */
  largestBytes?: number
}

/** `numgen` counts in this many steps. */
const steps = 100_000

const rulesOf = (loss: number, { blocked = [], largestBytes }: Faults): string[] => [
  ...blocked.map((protocol) => `ip protocol ${protocol} drop`),
  ...(largestBytes === undefined ? [] : [`ip length > ${largestBytes} drop`]),
  ...(loss > 0 ? [`numgen random mod ${steps} < ${Math.round(loss * steps)} drop`] : [])
]

/**
 * Rules for `nft -f` in the namespace of a bridge, which replace those that a port of it had. They stand at the port, not
 * in the host: who loses packets of its own by a rule is told so.
 */
export const faultRules = (port: string, faults: Faults): string => {
  const table = `netdev faults-${port}`
  const chain = (name: string, hook: string, rules: string[]): string[] =>
    rules.length === 0
      ? []
      : [
          `add chain ${table} ${name} { type filter hook ${hook} device ${port} priority 0; }`,
          ...rules.map((rule) => `add rule ${table} ${name} ${rule}`)
        ]
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    ...chain('out', 'ingress', rulesOf(faults.lossOut ?? 0, faults)),
    ...chain('in', 'egress', rulesOf(faults.lossIn ?? 0, faults))
  ].join('\n')
}

/** Between which ports nothing passes, each pair one way. */
export type Walls = ReadonlyArray<readonly [from: string, to: string]>

/**
 * Rules for `nft -f` in the namespace of a bridge, which replace those before. ARP passes: members of an internet have
 * routers beside them that answer it, and a wall one way would otherwise take the other way along.
 */
export const wallRules = (walls: Walls): string => {
  const table = 'bridge walls'
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add chain ${table} forward { type filter hook forward priority 0; }`,
    ...walls.map(([from, to]) => `add rule ${table} forward iifname ${from} oifname ${to} ether type != arp drop`)
  ].join('\n')
}
