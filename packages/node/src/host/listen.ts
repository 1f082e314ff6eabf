import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'

/** Port of a listen address, or undefined where it has none. */
const portOf = (address: Multiaddr): number | undefined => {
  const port = address.getComponents().find((part) => part.name === 'tcp' || part.name === 'udp')?.value
  return port === undefined ? undefined : Number(port)
}

const withPort = (text: string, port: number): string => text.replace(/\/(tcp|udp)\/0(?=\/|$)/, `/$1/${port}`)

/** Listen addresses with the ports that port 0 became at an earlier start. */
export const withKnownPorts = (listen: string[], ports: Readonly<Record<string, number>>): string[] =>
  listen.map((text) => {
    const port = ports[text]
    return port === undefined ? text : withPort(text, port)
  })

const familyOf = (address: Multiaddr): string => {
  const [host, transport] = address.getComponents()
  return `${host?.name ?? ''}/${transport?.name ?? ''}`
}

/** What each port 0 became, found among the addresses that are bound now. */
export const chosenPorts = (listen: string[], bound: Multiaddr[]): Record<string, number> => {
  const ports: Record<string, number> = {}
  const taken = new Set<number>()
  for (const text of listen) {
    const wanted = multiaddr(text)
    if (portOf(wanted) !== 0) continue
    const match = bound.find((address) => familyOf(address) === familyOf(wanted) && !taken.has(portOf(address) ?? 0))
    const port = match === undefined ? undefined : portOf(match)
    if (port === undefined) continue
    taken.add(port)
    ports[text] = port
  }
  return ports
}
