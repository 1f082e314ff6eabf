import { until, untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { payload, serveSink, transfer } from '../harness/transfer.ts'

const MiB = 1024 * 1024
const mtu = 1_280
const timeoutMs = 40_000
const namedMs = 40_000

const carry = async (scene: Scene, what: string, from: Member, to: Member, bytes: Buffer): Promise<boolean> => {
  const { isExact, elapsedMs, code } = await transfer(from, to, bytes, timeoutMs)
  const seen = isExact ? `exact, ${(elapsedMs / 1_000).toFixed(1)} s` : (code ?? 'other bytes')
  scene.note(`${what}: ${bytes.length / MiB} MiB`, seen, 'exact', isExact)
  return isExact
}

/** Whether the members' own search finds that large packets vanish, and nobody says so. */
const searched = async (from: Member, to: Member): Promise<string> => {
  const { mtu: found, mtuReason } = await from.client.mtu({ target: to.peerId, timeoutMs: 40_000 })
  if (found === undefined) return `nothing: ${mtuReason}`
  return `${found.isBlackHole ? 'a black hole' : 'none'}, ${found.out} bytes of ${found.linkMtu}`
}

const setProbing = async (member: Member, value: number): Promise<void> =>
  member.run('sysctl', '-qw', `net.ipv4.tcp_mtu_probing=${value}`)

export const mtu1280: Scenario = {
  about: 'The link of an agent carries packets of 1280 bytes, and its ends know it or do not.',
  needs: ['faults'],
  run: async (scene) => {
    const { lab, network } = scene
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const bootstrap = [hub]
    const narrow = lab.addHost('alice', '5.5.5.2', 'port-restricted')
    narrow.site.setMtu(mtu)
    const alice = await network.up('alice', narrow, { bootstrap })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3'), { bootstrap })
    for (const member of [alice, bob]) await serveSink(scene, member)
    const bytes = payload(10 * MiB)
    await untilPath(alice, bob, ['direct'])
    await carry(scene, 'known to the host, out', alice, bob, bytes)
    await carry(scene, 'known to the host, in', bob, alice, bytes)

    const carol = await network.up('carol', lab.addHost('carol', '5.5.5.4'), { bootstrap })
    await serveSink(scene, carol)
    await untilPath(carol, bob, ['direct'])
    // From here on packets above 1280 bytes vanish on the way to carol, and no ICMP says so.
    for (const member of [carol, bob, hub]) await setProbing(member, 1)
    carol.host.site.spoil({ largestBytes: mtu })
    await carry(scene, 'black hole, TCP probes for sizes, out', carol, bob, bytes.subarray(0, MiB))
    await carry(scene, 'black hole, TCP probes for sizes, in', bob, carol, bytes.subarray(0, MiB))
    const found = await searched(bob, carol)
    scene.note(
      'black hole: what doctor --mtu finds',
      found,
      'a black hole, 1280 bytes',
      found.startsWith('a black hole, 1280')
    )
    if (!scene.isFull) return
    for (const member of [carol, bob, hub]) await setProbing(member, 0)
    const dave = await network.up('dave', lab.addHost('dave', '5.5.5.5'), { bootstrap })
    await serveSink(scene, dave)
    await untilPath(dave, bob, ['direct'])
    dave.host.site.spoil({ largestBytes: mtu })
    const { code } = await transfer(bob, dave, bytes.subarray(0, MiB), timeoutMs)
    scene.note(
      'black hole, TCP does not probe, in',
      code ?? 'exact',
      'exact, or ends with a code',
      code !== 'no end in time'
    )
    const named = await until(
      async () => (await bob.client.status()).warnings.some(({ message }) => message.includes('vanish')),
      namedMs,
      1_000
    )
    scene.noteMs('black hole, TCP does not probe: status warns of it', named, namedMs)
  }
}
