import type { Packet } from '@agent-mesh/testkit/lab'
import { pause, untilPath, type Scenario } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { probe } from '../harness/probe.ts'
import { serveSink, transfer } from '../harness/transfer.ts'

const marker = 'nobody on the way may read this. '
const payloadBytes = 1024 * 1024
/** So often that every packet of a plain transfer holds it whole. */
const secret = Buffer.alloc(payloadBytes, marker)

/** What a packet is for, where it is not between members. */
const kindOf = ({ kind, destination, destinationPort }: Packet, gateway: string): string => {
  if (kind === 'arp' && destination === gateway) return 'ARP for the gateway'
  if (kind === 'icmp6' || kind === 'igmp') return `${kind} of the kernels`
  if (destinationPort === 5_353) return 'mDNS'
  return `${kind} to ${destination}${destinationPort === undefined ? '' : `:${destinationPort}`}`
}

const known = new Set(['ARP for the gateway', 'icmp6 of the kernels', 'igmp of the kernels', 'mDNS'])

const count = (packets: readonly Packet[], gateway: string): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const packet of packets) {
    const kind = kindOf(packet, gateway)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

export const capture: Scenario = {
  about: 'Every packet on the internet is written down while members talk, with all that is on by default.',
  needs: ['capture'],
  run: async (scene) => {
    const { lab, network } = scene
    const running = await lab.capture()
    const settings = ''
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'), { settings })
    const bootstrap = [hub]
    const up = async (name: string, address: string, nat: 'port-restricted' | 'symmetric'): Promise<Member> =>
      network.up(name, lab.addHost(name, address, nat), { settings, bootstrap })
    const alice = await up('alice', '5.5.5.2', 'port-restricted')
    const bob = await up('bob', '5.5.5.3', 'port-restricted')
    const carol = await up('carol', '5.5.5.4', 'symmetric')
    const dave = await up('dave', '5.5.5.5', 'symmetric')
    const pairs = [
      [hub, alice, ['direct']],
      [alice, bob, ['punched', 'direct']],
      [carol, dave, ['relayed']]
    ] as const
    for (const [from, to, paths] of pairs) {
      await serveSink(scene, to)
      await untilPath(from, to, paths)
      const { isExact, code } = await transfer(from, to, secret, 30_000)
      scene.note(`the payload, ${await from.path(to)}`, code ?? (isExact ? 'exact' : 'other bytes'), 'exact', isExact)
    }
    await Promise.all([hub, alice, carol].map(async ({ client }) => client.netcheck()))
    await pause(scene.isFull ? 60_000 : 5_000)
    // What the capture would see of a payload in clear, so that its silence says something.
    const plain = await probe(alice.host)
    scene.onEnd(() => plain.stop())
    const listening = await probe(hub.host)
    scene.onEnd(() => listening.stop())
    const beforeMs = Date.now()
    await plain.carry(hub.host.publicAddress, marker)
    await pause(500)
    const packets = await running.stop()

    const isControl = ({ atMs }: Packet): boolean => atMs >= beforeMs
    const holds = ({ frame }: Packet): boolean => frame.includes(marker)
    const seen = packets.filter((packet) => !isControl(packet))
    const members = new Set(network.members.map(({ host }) => host.publicAddress))
    const between = seen.filter(({ destination }) => members.has(destination)).length
    const others = count(
      seen.filter(({ destination }) => !members.has(destination)),
      lab.exit
    )
    const strays = [...others].filter(([kind]) => !known.has(kind))
    scene.note('packets between members', `${between}`, 'more than 1000', between > 1_000)
    for (const [kind, number] of others) if (known.has(kind)) scene.note(kind, `${number}`, 'named', true)
    scene.note(
      'packets to anybody else',
      strays.map(([kind, number]) => `${number} ${kind}`).join(', ') || '0',
      '0',
      strays.length === 0
    )
    scene.note('packets with the payload in clear', `${seen.filter(holds).length}`, '0', !seen.some(holds))
    const control = packets.filter((packet) => isControl(packet) && holds(packet)).length
    scene.note('the same, sent without the mesh', `${control}`, 'at least 1', control > 0)
  }
}
