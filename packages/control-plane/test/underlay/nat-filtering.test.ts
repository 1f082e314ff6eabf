import { randomBytes } from 'node:crypto'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { describe, expect, it } from 'vitest'
import { limits, type EchoProbe } from '@agent-mesh/wire'
import { FilterProbes } from '../../src/underlay/filter-probe.ts'
import { judgeFiltering, leastProbes, natKindOf, type Probed } from '../../src/underlay/nat-filtering.ts'
import { encodeStunRequest, readStun, stunIdBytes, type Endpoint } from '../../src/underlay/stun-message.ts'

const server = { host: '198.51.100.1', port: 4_001 }
const otherPort = { host: server.host, port: 5_000 }
const otherHost = { host: '198.51.100.2', port: 4_001 }
const asked: Probed = { server, fromOtherHost: leastProbes, fromOtherPort: leastProbes, heard: [] }

describe('whom a gateway lets in', () => {
  it('is told by where that comes from which arrives', () => {
    expect(judgeFiltering({ ...asked, heard: [otherHost] })).toBe('endpoint-independent')
    expect(judgeFiltering({ ...asked, heard: [otherPort, otherHost] })).toBe('endpoint-independent')
    expect(judgeFiltering({ ...asked, heard: [otherPort] })).toBe('address-dependent')
    expect(judgeFiltering(asked)).toBe('address-and-port-dependent')
    // what the server sends from the port that was spoken to tells nothing
    expect(judgeFiltering({ ...asked, heard: [server] })).toBe('address-and-port-dependent')
  })

  it('is unknown where silence may be that nobody has sent, never guessed', () => {
    expect(judgeFiltering({ ...asked, fromOtherHost: leastProbes - 1 })).toBe('unknown')
    expect(judgeFiltering({ ...asked, fromOtherHost: leastProbes - 1, heard: [otherPort] })).toBe('unknown')
    expect(judgeFiltering({ ...asked, fromOtherPort: leastProbes - 1 })).toBe('unknown')
  })

  it('has with the mapping a name that people know', () => {
    expect(natKindOf('none', 'endpoint-independent')).toBe('open')
    expect(natKindOf('none', 'address-and-port-dependent')).toBe('firewall')
    expect(natKindOf('endpoint-independent', 'endpoint-independent')).toBe('full cone')
    expect(natKindOf('endpoint-independent', 'address-dependent')).toBe('restricted cone')
    expect(natKindOf('endpoint-independent', 'address-and-port-dependent')).toBe('port-restricted cone')
    expect(natKindOf('address-dependent', 'unknown')).toBe('symmetric')
    expect(natKindOf('endpoint-independent', 'unknown')).toBe('unknown')
    expect(natKindOf('unknown', 'endpoint-independent')).toBe('unknown')
  })
})

/** One whose ports those are, and what it has sent. */
const member = (ports = [4_001, 5_000]) => {
  const sent: Array<{ bytes: Uint8Array; to: Endpoint; at: number | undefined }> = []
  const time = { ms: 0 }
  const udp = {
    ports: () => ports,
    send: (bytes: Uint8Array, to: Endpoint, at?: number) => sent.push({ bytes, to, at })
  }
  return { sent, time, probes: new FilterProbes({ udp, now: () => time.ms }) }
}

describe('a member that is asked for a datagram', () => {
  const host = '203.0.113.7'
  const id = randomBytes(stunIdBytes)
  const probe: EchoProbe = {
    request: withArrayBuffer(encodeStunRequest(id)),
    host,
    port: 41_000,
    isFromOtherPort: false
  }
  it('sends it to the host of the connection, with the id of the request, and no longer than that', () => {
    const { sent, probes } = member()
    expect(probes.answer('p', host, probe)).toBe(0)
    expect(probes.answer('p', host, { ...probe, isFromOtherPort: true })).toBe(0)
    expect(sent.map(({ to, at }) => [to, at])).toEqual([
      [{ host, port: 41_000 }, 0],
      [{ host, port: 41_000 }, 1]
    ])
    expect(readStun(sent[0]?.bytes ?? id)).toMatchObject({ kind: 'answer', id: new Uint8Array(id) })
    expect(sent[0]?.bytes.length).toBeLessThanOrEqual(probe.request.length)
  })

  it('sends nothing anywhere else, and nothing longer', () => {
    const { sent, probes } = member()
    expect(probes.answer('p', host, { ...probe, host: '203.0.113.8' })).toBe(3)
    expect(probes.answer('p', undefined, probe)).toBe(3)
    const bare = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...id)
    expect(probes.answer('p', host, { ...probe, request: bare })).toBe(3)
    expect(member([4_001]).probes.answer('p', host, { ...probe, isFromOtherPort: true })).toBe(3)
    for (const port of [0, 1_023, 65_536])
      expect(() => probes.answer('p', host, { ...probe, port })).toThrow('cannot be')
    expect(() => probes.answer('p', host, { ...probe, request: new Uint8Array(44) })).toThrow('cannot be')
    expect(sent).toEqual([])
  })

  it('takes two texts of one address of IPv6 for one', () => {
    expect(member().probes.answer('p', '2001:db8::7', { ...probe, host: '2001:db8:0:0:0:0:0:7' })).toBe(0)
  })

  it('sends few for one member, and few in all', () => {
    const { sent, time, probes } = member()
    const ask = (peer: string): number => probes.answer(peer, host, probe)
    for (let count = 0; count < limits.echoProbesPerMember; count++) expect(ask('greedy')).toBe(0)
    expect(ask('greedy')).toBe(1)
    for (let count = limits.echoProbesPerMember; count < limits.echoProbesPerSecond; count++)
      expect(ask(`${count}`)).toBe(0)
    expect(ask('another')).toBe(1)
    time.ms += 1_000
    expect(ask('another')).toBe(0)
    for (let count = 0; count < limits.echoProbesPerMemberPerSecond; count++) expect(ask('greedy')).toBe(0)
    expect(ask('greedy')).toBe(1)
    expect(sent).toHaveLength(limits.echoProbesPerSecond + 1 + limits.echoProbesPerMemberPerSecond)
  })
})
