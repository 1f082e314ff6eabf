import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { seededRandom } from '@agent-mesh/testkit'
import { encodeEcho, isEcho, readEcho, sessionOf, type EchoPacket } from '../../src/underlay/echo-packet.ts'
import { EchoSession } from '../../src/underlay/echo-session.ts'
import { encodeStunRequest } from '../../src/underlay/stun-message.ts'
import { chooseWatched } from '../../src/underlay/watch-choice.ts'

const random = seededRandom(1)
const key = random.bytes(32)
const id = random.bytes(8)
const packet: EchoPacket = {
  kind: 'request',
  session: id,
  sequence: 4_000_000_000,
  echoed: 7,
  arrivals: { settled: 1_000, lost: 20, runs: 19 }
}
const there = { host: '127.0.0.1', port: 9 }

const session = (role: 'driver' | 'answerer', send: (bytes: Uint8Array) => void, now = () => 0): EchoSession => {
  const made = new EchoSession({ role, id, key, host: there.host, send, now })
  made.begin([there.port])
  return made
}

describe('a datagram of an echo', () => {
  it('is read as it was written, at any size', () => {
    expect(encodeEcho(packet, key)).toHaveLength(limits.echoBytes)
    expect(readEcho(encodeEcho(packet, key), key)).toEqual(packet)
    expect(readEcho(encodeEcho(packet, key, 1_472), key)).toEqual(packet)
    expect(sessionOf(encodeEcho(packet, key))).toEqual(id)
  })

  it('is none with another key, another length, or a single other bit', () => {
    const bytes = encodeEcho(packet, key)
    expect(readEcho(bytes, random.bytes(32))).toBeUndefined()
    expect(readEcho(bytes.subarray(0, -1), key)).toBeUndefined()
    expect(readEcho(Uint8Array.of(...bytes, 0), key)).toBeUndefined()
    for (let at = 0; at < bytes.length; at++) {
      const other = bytes.slice()
      other[at] = (other[at] ?? 0) ^ 1
      expect(readEcho(other, key), `byte ${at}`).toBeUndefined()
    }
  })

  it('is told from STUN by its first byte', () => {
    expect(isEcho(encodeStunRequest(random.bytes(12)))).toBe(false)
    expect(isEcho(encodeEcho(packet, key))).toBe(true)
    expect(isEcho(new Uint8Array(0))).toBe(false)
  })
})

describe('a session', () => {
  it('answers with as many bytes as came, each request once', () => {
    const answers: Uint8Array[] = []
    const answerer = session('answerer', () => {})
    const request = encodeEcho({ ...packet, sequence: 1 }, key)
    answerer.take(request, there, (bytes) => answers.push(bytes))
    answerer.take(request, there, (bytes) => answers.push(bytes))
    expect(answers.map((one) => one.length)).toEqual([request.length])
  })

  it('answers no more requests in a second than it may', () => {
    let answers = 0
    const answerer = session('answerer', () => {})
    for (let sequence = 1; sequence <= limits.echoRequestsPerSecond + 1; sequence++)
      answerer.take(encodeEcho({ ...packet, sequence }, key), there, () => answers++)
    expect(answers).toBe(limits.echoRequestsPerSecond)
  })

  it('answers a long one as it is asked to, never with more, and not without end', () => {
    const sizes: number[] = []
    const answerer = session('answerer', () => {})
    const ask = (echoed: number): void =>
      answerer.take(encodeEcho({ ...packet, kind: 'sized', echoed }, key, 1_000), there, (bytes) =>
        sizes.push(bytes.length)
      )
    for (const wanted of [0, 500, 1_000, 60_000]) ask(wanted)
    expect(sizes).toEqual([limits.echoBytes, 500, 1_000, 1_000])
    for (let count = sizes.length; count < limits.echoesSizedAtOnce + 1; count++) ask(0)
    expect(sizes).toHaveLength(limits.echoesSizedAtOnce)
  })

  it('asks at the port that the other side is seen at, whatever it calls its own', () => {
    const ends: number[] = []
    const init = { role: 'driver' as const, id, key, host: there.host, now: () => 0 }
    const driver = new EchoSession({ ...init, send: (_bytes, to) => ends.push(to.port) })
    driver.begin([there.port])
    const seen = { host: there.host, port: 40_000 }
    driver.take(encodeEcho({ ...packet, kind: 'open' }, random.bytes(32)), seen, () => {})
    driver.tick(0)
    driver.take(encodeEcho({ ...packet, kind: 'open' }, key), seen, () => {})
    driver.tick(10_000)
    expect(ends).toEqual([there.port, 40_000])
  })

  it('sends three packets to make a way, to the ports that it was told of, and no more', () => {
    let nowMs = 0
    const sent: Uint8Array[] = []
    const answerer = session(
      'answerer',
      (bytes) => sent.push(bytes),
      () => nowMs
    )
    for (; nowMs < 60_000; nowMs += 100) answerer.tick(nowMs)
    expect(sent).toHaveLength(3)
  })
})

it('watches the paths with tunnels and three others, however many members there are', () => {
  const peers = Array.from({ length: 200 }, (_, at) => ({
    peerId: `p${at}`,
    isUsed: at < limits.echoedMembersInUse + 1
  }))
  const chosen = chooseWatched(peers, new Set(['p100']), random.next)
  expect(chosen).toHaveLength(limits.echoedMembersInUse + limits.echoedMembersIdle)
  expect(chosen).toContain('p100')
  expect(chooseWatched(peers, new Set(chosen), random.next).toSorted()).toEqual(chosen.toSorted())
})
