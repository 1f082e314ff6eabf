import { chooseService, kindsByPort, type ListedService } from '@agent-mesh/wire'

/** Ports of kinds that have none of their own, where the configuration says nothing: brokers, databases, and 8000. */
export const defaultExtraPorts = [1_883, 3_306, 4_222, 5_432, 5_672, 6_379, 8_000, 9_092, 27_017]

const portsOfKind = (kind: string): number[] =>
  Object.entries(kindsByPort).flatMap(([port, one]) => (one === kind ? [Number(port)] : []))

export interface PortsWish {
  /** How the agent was named. */
  who: string
  /** The name says the service, or a capability does: the port chooses nothing. */
  isChosen: boolean
  /** For services of a kind that has no port of its own. */
  extra: readonly number[]
}

/**
 * Ports on which the address of a host is listened on: those that mean one of its services by the rules of
 * {@link chooseService}, and only where those rules lead to a service.
 */
export const portsFor = (services: readonly ListedService[], { who, isChosen, extra }: PortsWish): number[] => {
  const ports = services.flatMap(({ name, kind }) => {
    const own = portsOfKind(kind)
    return [...(own.length === 0 ? extra : own), ...portsOfKind(name)]
  })
  const leads = (port: number): boolean => {
    try {
      chooseService(services, { who, port })
      return true
    } catch {
      return false
    }
  }
  return [...new Set(ports)].filter((port) => isChosen || leads(port)).toSorted((a, b) => a - b)
}
