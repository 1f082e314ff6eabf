import { CODE_P2P_CIRCUIT } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * What stands for the machine at the other end where strangers are counted: its IPv4 address, the first half of an
 * IPv6 address, of which one machine may have as many as it likes, or the relay that it comes through.
 */
export const remoteHost = (address: Multiaddr): string => {
  const components = address.getComponents()
  const host = components.find(({ name }) => name === 'ip4' || name === 'ip6')
  const via = components.some(({ code }) => code === CODE_P2P_CIRCUIT) ? 'relay ' : ''
  if (host?.value === undefined) return `${via}${components[0]?.value ?? address.toString()}`
  return via + (host.name === 'ip6' ? network64(host.value) : host.value)
}

/** The first 64 bits, as four groups; an IPv4 address in IPv6 form stays whole. */
const network64 = (text: string): string => {
  const bare = text.split('%')[0] ?? text
  if (bare.includes('.')) return bare.slice(bare.lastIndexOf(':') + 1)
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...(tail === undefined ? [] : zeros), ...right].slice(0, 4).join(':')
}
