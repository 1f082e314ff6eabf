export type Nat = 'none' | 'full-cone' | 'port-restricted' | 'symmetric'

const masquerade = (device: string, how: string): string[] => [
  'add table ip nat',
  'add chain ip nat after { type nat hook postrouting priority 100; }',
  `add rule ip nat after oifname ${device} masquerade ${how}`
]

/** As routers at home do: what nobody asked for is dropped without an answer. */
const drop = (device: string): string[] => [
  'add table ip filter',
  'add chain ip filter in { type filter hook input priority 0; }',
  `add rule ip filter in iifname ${device} ct state new drop`
]

/** Rules for `nft -f` of a router whose outside is `device` and which has one host, `inside`, behind it. */
export const natRules = (nat: Exclude<Nat, 'none'>, device: string, inside: string): string => {
  const lines = masquerade(device, nat === 'symmetric' ? 'fully-random' : '')
  if (nat !== 'full-cone') return [...lines, ...drop(device)].join('\n')
  const forward = (protocol: string): string =>
    `add rule ip nat before iifname ${device} ${protocol} dport >= 1024 dnat to ${inside}`
  const before = 'add chain ip nat before { type nat hook prerouting priority -100; }'
  return [...lines, before, forward('tcp'), forward('udp')].join('\n')
}
