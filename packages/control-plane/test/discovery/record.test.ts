import { multiaddr } from '@multiformats/multiaddr'
import { beforeAll, describe, expect, it } from 'vitest'
import { sealEnvelope } from '@agent-mesh/identity'
import { AgentRecord, limits, MeshError, type ErrorCode } from '@agent-mesh/wire'
import {
  parseRecordKey,
  recordKeyBytes,
  sealRecord,
  verifyRecord,
  type RecordContext
} from '../../src/discovery/record.ts'
import { createTestNetwork, seededRandom, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { draftOf, recordOf } from './fixture.ts'

const nowMs = 1_700_000_000_000
let network: TestNetwork
let alice: TestMember
let bob: TestMember
let context: RecordContext

beforeAll(async () => {
  network = await createTestNetwork()
  alice = await network.member('alice', { notBeforeMs: nowMs - 60_000 })
  bob = await network.member('bob', { notBeforeMs: nowMs - 60_000 })
  context = { networkId: network.networkId, networkKey: network.networkKey, nowMs }
})

const refusal = async (promise: Promise<unknown>): Promise<ErrorCode | undefined> => {
  try {
    await promise
    return undefined
  } catch (err) {
    if (err instanceof MeshError) return err.code
    throw err
  }
}

const nth = <T>(items: T[], index: number): T => {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no item ${index}`)
  return item
}

/** Signs whatever it is given: what a member with its own software may send. */
const sealRaw = async (change: Partial<AgentRecord>, author = alice): Promise<Uint8Array> => {
  const payload = AgentRecord.encode({
    peerId: author.peerId.toMultihash().bytes,
    network: network.networkId,
    sequence: 7,
    issuedMs: nowMs,
    ttlMs: 60_000,
    addresses: [],
    services: [],
    capabilities: [],
    withdrawn: false,
    chain: author.chain.map((one) => one.slice()),
    cardHash: new Uint8Array(0),
    ...change
  })
  return sealEnvelope('record', payload, author.privateKey)
}

const address = (port: number): Uint8Array<ArrayBuffer> => multiaddr(`/ip4/127.0.0.1/tcp/${port}`).bytes

const addressesOf = (count: number): Partial<AgentRecord> => ({
  addresses: Array.from({ length: count }, (_, i) => address(i + 1))
})

const capabilitiesOf = (count: number): Partial<AgentRecord> => ({
  capabilities: Array.from({ length: count }, (_, i) => `c${i}`)
})

const services = (count: number): Partial<AgentRecord> => ({
  services: Array.from({ length: count }, (_, i) => ({ name: `s${i}`, kind: 'tcp', capabilities: [] }))
})

const service = (name: string, kind = 'tcp', capabilities: string[] = []): Partial<AgentRecord> => ({
  services: [{ name, kind, capabilities }]
})

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => multiaddr(text).bytes

describe('a signed record', () => {
  it('says after verification what its author said', async () => {
    const bytes = await recordOf(network, alice, {
      addresses: [multiaddr(`/ip4/127.0.0.1/tcp/4001/p2p/${alice.peerId.toString()}`)]
    })
    const record = await verifyRecord(bytes, context)
    expect(record.peerId.equals(alice.peerId)).toBe(true)
    expect(record.membership.name).toBe('alice')
    expect(record.addresses.map(String)).toEqual(['/ip4/127.0.0.1/tcp/4001'])
    expect(record.capabilities).toEqual(['math', 'language_processing/translation'])
    expect(record.services).toEqual([{ name: 'web', kind: 'http', capabilities: ['language_processing/translation'] }])
    expect(record).toMatchObject({
      sequence: 7,
      issuedMs: nowMs,
      expiresMs: nowMs + limits.recordTtlMs,
      isWithdrawn: false
    })
  })

  it('of a member that a delegate admitted verifies as well', async () => {
    const issuer = await network.member('issuer', { notBeforeMs: nowMs - 60_000, mayAdmit: true })
    const carol = await network.member('carol', { notBeforeMs: nowMs - 60_000, issuer })
    expect((await verifyRecord(await recordOf(network, carol), context)).membership.isIssuedByRoot).toBe(false)
  })

  it('is refused for another author, network, root or time', async () => {
    const bytes = await recordOf(network, alice)
    const other = await createTestNetwork()
    const ttl = limits.recordTtlMs
    const tolerance = limits.clockToleranceMs
    const cases: Array<[string, Partial<RecordContext>, ErrorCode | undefined]> = [
      ['as it is', {}, undefined],
      ['another author', { author: bob.peerId }, 'RECORD_INVALID'],
      ['another network id', { networkId: other.networkId }, 'NETWORK_FOREIGN'],
      ['another root', { networkKey: other.networkKey }, 'NETWORK_FOREIGN'],
      ['at the end of the tolerance', { nowMs: nowMs + ttl + tolerance }, undefined],
      ['past the tolerance', { nowMs: nowMs + ttl + tolerance + 1 }, 'RECORD_EXPIRED'],
      ['at the begin of the tolerance', { nowMs: nowMs - tolerance }, undefined],
      ['before the tolerance', { nowMs: nowMs - tolerance - 1 }, 'RECORD_INVALID']
    ]
    for (const [name, change, code] of cases)
      expect([name, await refusal(verifyRecord(bytes, { ...context, ...change }))]).toEqual([name, code])
  })

  it('is refused one past each limit', async () => {
    const cases: Array<[string, Partial<AgentRecord>, ErrorCode | undefined]> = [
      ['addresses', addressesOf(limits.addressesPerRecord), undefined],
      ['addresses + 1', addressesOf(limits.addressesPerRecord + 1), 'RECORD_INVALID'],
      ['keys', capabilitiesOf(limits.providerKeysPerNode - 1), undefined],
      ['keys + 1', capabilitiesOf(limits.providerKeysPerNode), 'RECORD_INVALID'],
      [
        'ancestors count',
        { capabilities: ['a/b/c/d/e/f/g/h', 'b/c/d/e/f/g/h/i', 'c/d/e/f/g/h/i/j', 'd/e/f/g/h/i/j/k'] },
        'RECORD_INVALID'
      ],
      ['services', services(limits.servicesPerNode), undefined],
      ['services + 1', services(limits.servicesPerNode + 1), 'RECORD_INVALID'],
      ['lifetime', { ttlMs: limits.recordTtlMs }, undefined],
      ['lifetime + 1', { ttlMs: limits.recordTtlMs + 1 }, 'RECORD_INVALID'],
      ['no lifetime', { ttlMs: 0 }, 'RECORD_INVALID'],
      ['no sequence', { sequence: 0 }, 'RECORD_INVALID']
    ]
    for (const [name, change, code] of cases)
      expect([name, await refusal(verifyRecord(await sealRaw(change), context))]).toEqual([name, code])
  })

  it('is refused with parts that do not parse', async () => {
    const cases: Array<Partial<AgentRecord>> = [
      { addresses: [new Uint8Array([255, 255, 255])] },
      { addresses: [new Uint8Array(0)] },
      { addresses: [bytesOf(`/ip4/127.0.0.1/tcp/1/p2p/${bob.peerId.toString()}`)] },
      { capabilities: ['Upper/case'] },
      { capabilities: ['a//b'] },
      { capabilities: ['a'.repeat(limits.capabilityLength + 1)] },
      service('Not A Label'),
      service('web', 'no kind'),
      service('web', ''),
      service('web', 'tcp', ['../etc']),
      {
        services: [
          { name: 'web', kind: 'tcp', capabilities: [] },
          { name: 'web', kind: 'http', capabilities: [] }
        ]
      },
      { peerId: new Uint8Array([1, 2, 3]) },
      { chain: [] },
      { chain: bob.chain.map((one) => one.slice()) }
    ]
    for (const [index, change] of cases.entries()) {
      expect([index, await refusal(verifyRecord(await sealRaw(change), context))]).toEqual([
        index,
        index === 12 ? 'CERTIFICATE_INVALID' : 'RECORD_INVALID'
      ])
    }
  })

  it('is not looked at when it is one byte too large', async () => {
    const bytes = new Uint8Array(limits.recordBytes + 1)
    await expect(verifyRecord(bytes, context)).rejects.toThrow(`${limits.recordBytes + 1} bytes`)
  })

  it('that others would refuse is not sealed', async () => {
    const long = Array.from({ length: 24 }, (_, i) => ({
      name: `service-${'x'.repeat(50)}-${i}`,
      kind: 'tcp',
      capabilities: [`${i}`.padEnd(120, 'c')]
    }))
    await expect(sealRecord(draftOf(network, alice, { services: long }), alice.privateKey)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining(`${limits.recordBytes} are allowed`)
    })
    const addresses = Array.from({ length: limits.addressesPerRecord + 1 }, (_, i) =>
      multiaddr(`/ip4/127.0.0.1/tcp/${i + 1}`)
    )
    await expect(sealRecord(draftOf(network, alice, { addresses }), alice.privateKey)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED'
    })
    const capabilities = Array.from({ length: limits.providerKeysPerNode }, (_, i) => `c${i}`)
    await expect(
      sealRecord(draftOf(network, alice, { services: [], capabilities }), alice.privateKey)
    ).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED'
    })
  })
})

describe('the DHT key of a record', () => {
  it('names its author and its network', () => {
    expect(parseRecordKey(recordKeyBytes(network.networkId, alice.peerId), network.networkId)).toBe(
      alice.peerId.toString()
    )
  })

  it.each([
    ['another network', '/agent/other/12D3Koo', 'NETWORK_FOREIGN'],
    ['another namespace', '/pk/net/12D3Koo', 'RECORD_INVALID'],
    ['too many parts', '/agent/net/12D3Koo/x', 'RECORD_INVALID'],
    ['no author', '/agent/net/', 'RECORD_INVALID'],
    ['too long', `/agent/net/${'x'.repeat(300)}`, 'RECORD_INVALID']
  ])('is refused with %s', async (_, key, code) => {
    expect(await refusal((async () => parseRecordKey(new TextEncoder().encode(key), 'net'))())).toBe(code)
  })

  it('is refused where it is not text', () => {
    expect(() => parseRecordKey(Uint8Array.of(0x2f, 0xff, 0xfe), 'net')).toThrow(MeshError)
  })
})

describe('100,000 records that nobody may accept', () => {
  const seed = Number(process.env['SEED'] ?? 20_250_101)
  const count = Number(process.env['CASES'] ?? 100_000)

  it(`are all refused with a typed error (seed ${seed})`, async () => {
    const random = seededRandom(seed).next
    const pick = <T>(items: T[]): T => nth(items, Math.floor(random() * items.length))
    const other = await createTestNetwork()
    const mallory = await other.member('alice', { notBeforeMs: nowMs - 60_000 })
    const late = await network.member('late', {
      notBeforeMs: nowMs - 10 ** 9,
      notAfterMs: nowMs - limits.clockToleranceMs - 1
    })
    const early = await network.member('early', { notBeforeMs: nowMs + limits.clockToleranceMs + 1 })
    const far = limits.recordTtlMs + limits.clockToleranceMs
    const valid = await Promise.all(
      [alice, bob].flatMap((member) =>
        [1, 2, 3, 4].map(async (sequence) => recordOf(network, member, { sequence, issuedMs: nowMs - sequence }))
      )
    )
    const forged = await Promise.all([
      recordOf(network, mallory), // certified by another root
      recordOf(other, alice), // says another network
      recordOf(network, late),
      recordOf(network, early),
      sealRecord(draftOf(network, alice), bob.privateKey), // another member signed it
      sealRecord(draftOf(network, alice, { chain: bob.chain }), bob.privateKey),
      sealRecord(draftOf(network, bob, { chain: alice.chain }), bob.privateKey), // somebody else's certificate
      sealRecord(draftOf(network, mallory, { chain: alice.chain }), mallory.privateKey),
      recordOf(network, alice, { issuedMs: nowMs - far - 1 }),
      recordOf(network, bob, { issuedMs: nowMs + limits.clockToleranceMs + 1 })
    ])
    const tamper = (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice()
      const changed = new Set<number>()
      for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--) changed.add(Math.floor(random() * copy.length))
      for (const at of changed) copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      return copy
    }
    interface Attempt {
      bytes: Uint8Array
      change: Partial<RecordContext>
    }
    const tampered = (): Attempt => ({ bytes: tamper(pick(valid)), change: {} })
    const truncated = (): Attempt => {
      const bytes = pick(valid)
      return { bytes: bytes.slice(0, Math.floor(random() * bytes.length)), change: {} }
    }
    const noise = (): Attempt => ({
      bytes: Uint8Array.from({ length: Math.floor(random() * 200) }, () => random() * 256),
      change: {}
    })
    const known: Array<() => Attempt> = [
      () => ({ bytes: pick(forged), change: {} }),
      () => ({ bytes: tamper(pick(forged)), change: {} }),
      () => ({ bytes: pick(valid), change: { author: mallory.peerId } }), // replayed under another key
      () => ({ bytes: pick(valid), change: { nowMs: nowMs + far + 1 + Math.floor(random() * 10 ** 9) } }),
      () => ({
        bytes: pick(valid),
        change: { nowMs: nowMs - limits.clockToleranceMs - 10 - Math.floor(random() * 10 ** 9) }
      }),
      () => ({ bytes: pick(valid), change: { networkId: other.networkId, networkKey: other.networkKey } })
    ]
    // Most of the time goes into signatures that hold, so those that need one to be refused come more rarely.
    const damaged = [tampered, truncated, noise, truncated, noise]
    const cases = [...known, ...Array.from({ length: 6 }, () => damaged).flat()]
    let accepted = 0
    let untyped = 0
    for (let i = 0; i < count; i++) {
      const { bytes, change } = nth(cases, i % cases.length)()
      try {
        await verifyRecord(bytes, { ...context, ...change })
        accepted++
      } catch (err) {
        if (!(err instanceof MeshError)) untyped++
      }
    }
    for (const bytes of valid) expect((await verifyRecord(bytes, context)).sequence).toBeGreaterThan(0)
    expect({ accepted, untyped }).toEqual({ accepted: 0, untyped: 0 })
  }, 300_000)
})
