import { readFile } from 'node:fs/promises'

/** What this machine, or its network namespace, has sent in packets of IPv4. */
export interface SentPackets {
  bytes: number
  packets: number
}

/** The number under a name in the two lines of a group, as `/proc/net/netstat` and `/proc/net/snmp` have it. */
const numberIn = (text: string, group: string, name: string): number | undefined => {
  const [names, values] = text
    .split('\n')
    .filter((line) => line.startsWith(`${group}: `))
    .map((line) => line.split(' '))
  const value = values?.[names?.indexOf(name) ?? -1]
  return value === undefined ? undefined : Number(value)
}

/** @returns undefined where one of them is not there */
export const readSentPackets = (netstat: string, snmp: string): SentPackets | undefined => {
  const bytes = numberIn(netstat, 'IpExt', 'OutOctets')
  const packets = numberIn(snmp, 'Ip', 'OutRequests')
  return bytes === undefined || packets === undefined ? undefined : { bytes, packets }
}

/** Counted by Linux, the headers of IP included; undefined elsewhere. */
export const sentPackets = async (): Promise<SentPackets | undefined> => {
  try {
    const [netstat, snmp] = await Promise.all(
      ['netstat', 'snmp'].map(async (name) => readFile(`/proc/net/${name}`, 'utf8'))
    )
    return readSentPackets(netstat ?? '', snmp ?? '')
  } catch {
    return undefined
  }
}
