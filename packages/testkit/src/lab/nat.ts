/** How RFC 3489 calls them; all but `symmetric` keep the port of a socket whoever it speaks to. */
export type Nat = 'none' | 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric'

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

/** Whom a port has sent to; that one may answer it from another port. */
const remember = (device: string): string[] => [
  'add set ip nat known { type ipv4_addr . inet_service; size 65535; flags dynamic,timeout; timeout 5m; }',
  `add rule ip nat after oifname ${device} meta l4proto { tcp, udp } update @known { ip daddr . th sport }`
]

/** Rules for `nft -f` of a router whose outside is `device` and which has one host, `inside`, behind it. */
export const natRules = (nat: Exclude<Nat, 'none'>, device: string, inside: string): string => {
  const lines = masquerade(device, nat === 'symmetric' ? 'fully-random' : '')
  if (nat === 'port-restricted' || nat === 'symmetric') return [...lines, ...drop(device)].join('\n')
  const isFull = nat === 'full-cone'
  const forward = (protocol: string): string => {
    const from = isFull ? '' : `ip saddr . ${protocol} dport @known `
    return `add rule ip nat before iifname ${device} ${from}${protocol} dport >= 1024 dnat to ${inside}`
  }
  const before = 'add chain ip nat before { type nat hook prerouting priority -100; }'
  const [table = '', chain = '', ...rest] = lines
  const cone = [before, forward('tcp'), forward('udp')]
  if (isFull) return [...lines, ...cone].join('\n')
  return [table, chain, ...remember(device), ...rest, ...cone, ...drop(device)].join('\n')
}
