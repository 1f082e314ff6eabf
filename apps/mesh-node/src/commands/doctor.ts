import { judge, readFacts, type Check, type Verdict } from '@agent-mesh/node/doctor'
import type { MtuResponse } from '@agent-mesh/wire/api'
import { printable } from '@agent-mesh/wire/quote'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { fields, formatAge } from '../text.ts'

const marks: Record<Verdict, string> = { pass: '✓', warn: '!', fail: '✗', skip: '-' }
const textLength = 1_000

const describe = (checks: Check[]): string[] => {
  const width = Math.max(...checks.map(({ name }) => name.length))
  return checks.flatMap(({ name, verdict, text, remedy }) => [
    `${marks[verdict]} ${name.padEnd(width)}  ${printable(text, textLength)}`,
    ...(remedy === undefined ? [] : [`  ${''.padEnd(width)}  next: ${printable(remedy, textLength)}`])
  ])
}

const advice = ({ mtu, tcp }: MtuResponse): string => {
  const largest = Math.min(mtu.out, mtu.back ?? mtu.out)
  if (mtu.isTold || largest >= mtu.linkMtu) return 'Nothing is to be done.'
  if (tcp?.pathMtu !== undefined && tcp.pathMtu <= largest)
    return `TCP keeps below it already; only datagrams of more than ${largest} bytes are swallowed.`
  return `sysctl -w net.ipv4.tcp_mtu_probing=1 on both hosts, or a link MTU of ${largest}; better, let the routers on the path send ICMP (type 3, code 4).`
}

const describeMtu = (found: MtuResponse): string[] => {
  const { name, peerId, host, mtu, ageMs, tcp } = found
  const { out, back, linkMtu, isBlackHole, isTold, method } = mtu
  const verdict = isBlackHole
    ? 'a black hole: small packets pass, large ones vanish, and nobody says so'
    : isTold
      ? 'smaller than the link, and routers say so: TCP adapts by itself'
      : 'as large as the link here allows'
  return fields([
    ['path to', `${name ?? peerId} at ${host}`],
    ['largest packet', `${out} bytes there, ${back ?? 'less than 576'} back; the link takes ${linkMtu}`],
    ['verdict', verdict],
    ['found by', ageMs === 0 ? method : `${method}, ${formatAge(ageMs)} ago: the path has ended since`],
    ['TCP segments', tcp === undefined ? 'unknown: the kernel does not show them (no ss)' : describeTcp(tcp)],
    ['next', advice(found)]
  ])
}

const describeTcp = ({ mssBytes, pathMtu, segments, retransmitted }: NonNullable<MtuResponse['tcp']>): string =>
  `${mssBytes} bytes at most${pathMtu === undefined ? '' : `, in packets of ${pathMtu}`}; ${retransmitted} of ${segments} were sent again`

const lookForMtu = async (target: string, context: Context): Promise<void> => {
  const found = await context.waiting(
    'trying packets of many sizes',
    context.ask((client) => client.mtu({ target }))
  )
  context.print(found, () => describeMtu(found).map((line) => printable(line, textLength)))
  if (found.mtu.isBlackHole) process.exitCode = 1
}

export const doctor: Command = {
  command: 'doctor',
  describe:
    'Check this node, its machine and its place in the mesh; each check says what mends it. Fails where one does.',
  options: [{ flags: '--mtu <target>', describe: 'look for the largest packet on the path to an agent instead' }],
  examples: [
    { command: 'mesh-node doctor --mtu bob', describe: 'does the path to bob swallow large packets?' },
    { command: 'mesh-node doctor', describe: 'what is wrong here, if anything' },
    {
      command: `mesh-node doctor --json | jq '.checks[] | select(.verdict == "fail")'`,
      describe: 'what a script has to report'
    }
  ],
  handler: async (input, context) => {
    const target = input.text('mtu')
    if (target !== undefined) return lookForMtu(target, context)
    const facts = await context.waiting(
      'checking the node',
      readFacts(context.stateDirPath, {
        status: async () => context.ask((client) => client.status()),
        peers: async () => context.ask((client) => client.peers())
      })
    )
    const checks = judge(facts)
    const isFailed = checks.some(({ verdict }) => verdict === 'fail')
    context.print({ isHealthy: !isFailed, checks }, () => describe(checks))
    if (isFailed) process.exitCode = 1
  }
}
