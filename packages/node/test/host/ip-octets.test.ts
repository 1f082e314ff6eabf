import { expect, it } from 'vitest'
import { readSentPackets } from '../../src/host/ip-octets.ts'

const netstat = `TcpExt: SyncookiesSent SyncookiesRecv
TcpExt: 0 0
IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets
IpExt: 0 0 0 0 0 0 480 1234
`
const snmp = `Ip: Forwarding DefaultTTL InReceives OutRequests
Ip: 2 64 7 9
Icmp: InMsgs
Icmp: 1
`

it('reads what the kernel has sent, wherever it stands in its line', () => {
  expect(readSentPackets(netstat, snmp)).toEqual({ bytes: 1_234, packets: 9 })
})

it('reads nothing where one of them is not told', () => {
  expect(readSentPackets('', snmp)).toBeUndefined()
  expect(readSentPackets(netstat, 'Ip: Forwarding\nIp: 2\n')).toBeUndefined()
})
