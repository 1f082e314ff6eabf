/**
 * What `doctor --mtu` says of the bytes on the wire is what the machine has sent: two hosts that send nothing else count all
 * their packets, and both figures agree. Through a relay it is what goes to the relay.
 */
import { afterEach, expect, test } from 'vitest'
import { whyNoLab } from '@agent-mesh/testkit/lab'
import type { MtuResponse, Overhead } from '@agent-mesh/wire/api'
import { Scene, untilPath } from './harness/scene.ts'
import type { Member } from './harness/member.ts'

const reason = whyNoLab()
const why = reason === undefined ? '' : ` [${reason}]`
const labTest = test.skipIf(reason !== undefined)
const timeoutMs = 180_000
/** Of a frame before its packet of IP. */
const etherBytes = 14

let scene: Scene | undefined
afterEach(async () => scene?.end())

const startScene = (): Scene => (scene = new Scene(true))

const reportOf = async (from: Member, to: Member): Promise<MtuResponse> => {
  const found = await from.client.mtu({ target: to.peerId })
  console.log(JSON.stringify(found, undefined, 1))
  return found
}

const perWrite = (overhead: Overhead | undefined, payloadBytes: number): Overhead['writes'][number] => {
  const found = overhead?.writes.find((one) => one.payloadBytes === payloadBytes)
  if (found === undefined) throw new Error(`no figure for ${payloadBytes} bytes: ${overhead?.reason}`)
  return found
}

labTest(
  `what bytes cost on a direct path is counted by the kernel, and by ping no large packet vanishes${why}`,
  async () => {
    const { lab, network } = startScene()
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.1'))
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.2'), { bootstrap: [alice] })
    await untilPath(bob, alice, ['direct'])
    const capture = await lab.capture()
    const found = await reportOf(bob, alice)
    const packets = await capture.stop()
    expect(found.mtu).toMatchObject({ method: 'ping -M do, both ways at once', out: 1_500, back: 1_500 })
    const [direct] = found.overheads
    expect(direct).toMatchObject({ path: 'direct', layers: ['TCP', '/tls/1.0.0', '/yamux/1.0.0', 'tunnel'] })
    expect(direct?.reason).toBeUndefined()
    const { headerBytes = 0 } = direct ?? {}
    expect(headerBytes).toBe((found.tcp?.pathMtu ?? 0) - (found.tcp?.mssBytes ?? 0))
    const small = perWrite(direct, 64)
    // one segment: 4 of the tunnel, 12 of yamux, 22 of TLS
    expect(small).toEqual({ payloadBytes: 64, sentBytes: 102, segments: 1, wireBytes: 102 + headerBytes })
    const large = perWrite(direct, 65_536)
    expect(large.segments).toBeGreaterThanOrEqual(Math.ceil(65_536 / (found.tcp?.mssBytes ?? 0)))
    expect(large.wireBytes).toBeCloseTo((large.sentBytes ?? 0) + large.segments * headerBytes, 0)
    expect((large.wireBytes ?? 0) / 65_536).toBeLessThan(1.1)
    // Each size is sent once before it is counted, then three times eight small and two large ones.
    const expected = 25 * (small.wireBytes ?? 0) + 7 * (large.wireBytes ?? 0)
    const seen = packets
      .filter(({ kind, source, destination }) => kind === 'tcp' && source === '5.5.5.2' && destination === '5.5.5.1')
      .reduce((sum, { frame }) => sum + frame.length - etherBytes, 0)
    console.log(`told: ${expected} bytes; on the cable, with acknowledgements and all else: ${seen}`)
    expect(seen).toBeGreaterThanOrEqual(expected)
    expect(seen).toBeLessThan(1.25 * expected)
  },
  timeoutMs
)

labTest(
  `what bytes cost through a relay is what goes to the relay${why}`,
  async () => {
    const { lab, network } = startScene()
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2', 'symmetric'), { bootstrap: [hub] })
    const settings = 'mdns: false\nwebrtc: { enabled: false }\n'
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3', 'symmetric'), { bootstrap: [hub], settings })
    await untilPath(bob, alice, ['relayed'])
    const found = await reportOf(bob, alice)
    expect(found.mtu).toBeUndefined()
    expect(found.mtuReason).toMatch(/No path to alice leads straight to its host/)
    const [relayed] = found.overheads
    const { layers, reason: missing } = relayed ?? {}
    expect(missing).toBeUndefined()
    expect(layers?.[0]).toBe('TCP')
    expect(layers).toContain('circuit')
    // twice TLS and yamux
    expect(perWrite(relayed, 64).sentBytes).toBeGreaterThan(102 + 12 + 22)
    expect(perWrite(relayed, 65_536).wireBytes).toBeGreaterThan(65_536)
  },
  timeoutMs
)

labTest(
  `what bytes cost over WebRTC is counted of all that the machine sends${why}`,
  async () => {
    const { lab, network } = startScene()
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2', 'port-restricted'), { bootstrap: [hub] })
    const bobHost = lab.addHost('bob', '5.5.5.3', 'port-restricted')
    // no TCP from alice: neither a dial nor a punch comes about
    const rules = 'add table ip f; add chain ip f in { type filter hook input priority 0; }'
    const drop = `${rules}; add rule ip f in ip saddr 5.5.5.2 ip protocol tcp drop`
    const bob = await network.up('bob', bobHost, { bootstrap: [hub] })
    await bob.run('nft', drop)
    await bob.client.dial({ target: alice.peerId })
    await untilPath(bob, alice, ['webrtc'], 90_000)
    const found = await reportOf(bob, alice)
    const webrtc = found.overheads.find(({ path }) => path === 'webrtc')
    expect(webrtc?.layers).toEqual(['UDP', 'DTLS', 'SCTP', 'data channel', 'tunnel'])
    expect(perWrite(webrtc, 65_536).wireBytes).toBeGreaterThan(65_536)
    expect(perWrite(webrtc, 65_536).wireBytes).toBeLessThan(1.5 * 65_536)
    expect(perWrite(webrtc, 64).wireBytes).toBeGreaterThan(64 + 28)
    expect(webrtc?.headerBytes).toBeUndefined()
  },
  timeoutMs
)
