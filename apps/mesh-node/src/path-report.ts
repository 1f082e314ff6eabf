import type { MtuResponse, Overhead, PathMtu } from '@agent-mesh/wire/api'
import { fields, formatAge, table } from './text.ts'

/** Headers of IPv4 and TCP without options, or of IPv6: what the size of a segment leaves out by its definition. */
const segmentHeaders = { v4: 40, v6: 60 } as const

const bytes = (value: number | undefined): string => (value === undefined ? '-' : `${value}`)

/** What makes this machine send no larger packets, from the narrowest to the widest. */
const commandsHere = (largest: number, host: string, { route }: PathMtu): string[] => {
  const bits = host.includes(':') ? 128 : 32
  const way =
    route === undefined
      ? 'dev <device>'
      : `${route.gateway === undefined ? '' : `via ${route.gateway} `}dev ${route.device}`
  return [
    `ip route replace ${host}/${bits} ${way} mtu lock ${largest}    this path alone`,
    `ip link set dev ${route?.device ?? '<device>'} mtu ${largest}    all that leaves by this link`
  ]
}

const adviceOn = (mtu: PathMtu, { host = '', name, tcp }: MtuResponse): string[] => {
  const { out, back, linkMtu, isTold } = mtu
  const largest = Math.min(out, back ?? out)
  if (isTold || largest >= linkMtu) return ['Nothing is to be set.']
  if (tcp?.pathMtu !== undefined && tcp.pathMtu <= largest && back === out)
    return [`TCP keeps below it already; only datagrams of more than ${largest} bytes are swallowed.`]
  const headers = host.includes(':') ? segmentHeaders.v6 : segmentHeaders.v4
  const there =
    back === out
      ? `on the host of ${name ?? 'the other'} likewise, where doctor --mtu there finds it too: no answer is longer than what went`
      : `on the host of ${name ?? 'the other'}, towards this one: ip route replace … mtu lock ${largest}`
  return [
    'best, let the routers on the path send ICMP (type 3, code 4), or on one of them:',
    `nft add rule inet filter forward tcp flags syn tcp option maxseg size set ${largest - headers}`,
    ...(out < linkMtu ? ['otherwise here, one of:', ...commandsHere(largest, host, mtu)] : []),
    there,
    'sysctl -w net.ipv4.tcp_mtu_probing=1 on both hosts makes TCP find it, after seconds of silence'
  ]
}

const verdictOn = ({ isBlackHole, isTold }: PathMtu): string => {
  if (isBlackHole) return 'a black hole: small packets pass, large ones vanish, and nobody says so'
  return isTold ? 'smaller than the link, and routers say so: TCP adapts by itself' : 'as large as the link here allows'
}

const describeTcp = ({ mssBytes, pathMtu, segments, retransmitted }: NonNullable<MtuResponse['tcp']>): string =>
  `${mssBytes} bytes at most${pathMtu === undefined ? '' : `, in packets of ${pathMtu}`}; ${retransmitted} of ${segments} were sent again`

const describePath = (found: MtuResponse): string[] => {
  const { name, peerId, host, mtu, mtuReason, ageMs, tcp } = found
  const to: [string, string] = ['path to', `${name ?? peerId}${host === undefined ? '' : ` at ${host}`}`]
  if (mtu === undefined) return fields([to, ['largest packet', `unknown: ${mtuReason ?? 'it was not looked for'}`]])
  const { out, back, linkMtu, method } = mtu
  return fields([
    to,
    ['largest packet', `${out} bytes there, ${back ?? 'less than 576'} back; the link takes ${linkMtu}`],
    ['verdict', verdictOn(mtu)],
    ['found by', ageMs === 0 ? method : `${method}, ${formatAge(ageMs)} ago: the path has ended since`],
    ['TCP segments', tcp === undefined ? 'unknown: the kernel does not show them (no ss)' : describeTcp(tcp)],
    ['to set', adviceOn(mtu, found)]
  ])
}

const describeOverhead = ({ path, layers, countedBy, headerBytes, writes, reason }: Overhead): string[] => [
  '',
  `what bytes cost on the ${path} connection: ${layers.join(' > ')}`,
  ...table(
    ['WRITE', 'SENT', 'PACKETS', 'ON THE WIRE', 'PER BYTE'],
    writes.map(({ payloadBytes, sentBytes, segments, wireBytes }) => [
      `${payloadBytes}`,
      bytes(sentBytes),
      bytes(segments),
      bytes(wireBytes),
      wireBytes === undefined ? '-' : (wireBytes / payloadBytes).toFixed(3)
    ])
  ).map((line) => `  ${line}`),
  ...(headerBytes === undefined ? [] : [`  each packet has ${headerBytes} bytes of IP and TCP headers`]),
  ...(countedBy === undefined ? [] : [`  counted by ${countedBy}`]),
  ...(path === 'relayed' ? ['  to the relay; it sends as much once more, which cannot be seen from here'] : []),
  ...(reason === undefined ? [] : [`  not measured: ${reason}`])
]

/** What `doctor --mtu` prints for people. */
export const describePathReport = (found: MtuResponse): string[] => [
  ...describePath(found),
  ...(found.overheads.length === 0
    ? ['', 'what bytes cost: not measured, no connection to the agent is open any more']
    : found.overheads.flatMap(describeOverhead))
]
