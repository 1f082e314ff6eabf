import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import * as fc from 'fast-check'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { beforeAll, describe, expect, it } from 'vitest'
import { limits, type Certificate } from '@agent-mesh/wire'
import { issueCertificate, parseNetworkKey, sealEnvelope, verifyChain } from '@agent-mesh/identity'
import {
  certificateOf,
  dayMs,
  delegate,
  delegateChain,
  fillingOf,
  foreignRoot,
  idOf,
  member,
  memberChain,
  networkKey,
  nowMs,
  root,
  rootChain,
  sign,
  stranger
} from './network-fixture.ts'

const verify = async (chain: Uint8Array[], atMs = nowMs) => verifyChain(chain, networkKey, atMs)
const refused = (code = 'CERTIFICATE_INVALID') => expect.objectContaining({ name: 'MeshError', code })
const toleranceMs = limits.clockToleranceMs

describe('a certificate from the root', () => {
  it('makes a member', async () => {
    const membership = await verify(rootChain)
    expect(membership).toMatchObject({
      name: 'bob',
      groups: ['translators'],
      mayAdmit: false,
      isIssuedByRoot: true,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + limits.certificateLifetimeMs
    })
    expect(membership.peerId.equals(idOf(member))).toBe(true)
    expect(membership.issuer.equals(idOf(root))).toBe(true)
    expect(membership.serial).toMatch(/^[0-9a-f]{32}$/)
    expect(membership.chain).toEqual(rootChain)
  })

  it('has a serial of its own each time, and each group once', async () => {
    const request = { networkKey, peerId: idOf(member), name: 'bob', groups: ['ops', 'dev', 'ops'], notBeforeMs: nowMs }
    const [a, b] = [await issueCertificate(request, root), await issueCertificate(request, root)]
    expect((await verify([a])).groups).toEqual(['ops', 'dev'])
    expect((await verify([a])).serial).not.toBe((await verify([b])).serial)
  })

  it('says what it was asked to say', async () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,20}(-[a-z0-9]{1,20})?$/)
    const request = fc.record({
      name: label.map((text) => `n${text}`),
      groups: fc.uniqueArray(
        label.map((text) => `g${text}`),
        { maxLength: limits.groupsPerCertificate }
      ),
      mayAdmit: fc.boolean(),
      notBeforeMs: fc.nat({ max: nowMs }),
      notAfterMs: fc.integer({ min: nowMs + 1, max: nowMs * 2 })
    })
    await fc.assert(
      fc.asyncProperty(request, async (fields) => {
        const envelope = await issueCertificate({ networkKey, peerId: idOf(member), ...fields }, root)
        expect(envelope.length).toBeLessThanOrEqual(limits.certificateBytes)
        await expect(verify([envelope])).resolves.toMatchObject(fields)
      })
    )
  })

  it('may let its holder admit others', async () => {
    await expect(verify(delegateChain)).resolves.toMatchObject({ name: 'alice', mayAdmit: true, isIssuedByRoot: true })
  })
})

describe('a certificate from a delegate', () => {
  it('makes a member, by the chain of both', async () => {
    const membership = await verify(memberChain)
    expect(membership).toMatchObject({ name: 'bob', isIssuedByRoot: false, mayAdmit: false })
    expect(membership.issuer.equals(idOf(delegate))).toBe(true)
  })

  it('holds no longer than that of the delegate, and no earlier', async () => {
    const short = await sign({
      peerId: idOf(delegate).toMultihash().bytes,
      mayAdmit: true,
      notBeforeMs: nowMs + 5,
      notAfterMs: nowMs + dayMs
    })
    const long = await sign({ notBeforeMs: nowMs, notAfterMs: nowMs + 30 * dayMs }, delegate)
    await expect(verify([long, short])).resolves.toMatchObject({ notBeforeMs: nowMs + 5, notAfterMs: nowMs + dayMs })
    await expect(verify([long, short], nowMs + dayMs + toleranceMs + 1)).rejects.toThrow(refused('CERTIFICATE_EXPIRED'))
    const [inner] = memberChain
    const brief = await sign({ notAfterMs: nowMs + 7 }, delegate)
    await expect(verify([brief, ...delegateChain])).resolves.toMatchObject({ notAfterMs: nowMs + 7 })
    expect(inner).toBeDefined()
  })
})

describe('a chain is refused', () => {
  const delegateFields = { peerId: idOf(delegate).toMultihash().bytes, name: 'alice', mayAdmit: true }
  const cases: Array<[string, string, () => Promise<Uint8Array[]>]> = [
    ['when there is none', 'there is none', async () => []],
    [
      'of three',
      'the chain has 3 links, 2 are allowed',
      async () => [await sign({}, member), await sign({ mayAdmit: true }, delegate), ...delegateChain]
    ],
    ['of three that would hold one by one', '3 links', async () => [...memberChain, ...delegateChain]],
    ['signed by the member itself', 'not signed by the root', async () => [await sign({}, member)]],
    ['signed by a stranger', 'not signed by the root', async () => [await sign({}, stranger)]],
    ['signed by a delegate that is not shown', 'not signed by the root', async () => memberChain.slice(0, 1)],
    ['in the wrong order', 'is not certified by the root', async () => memberChain.toReversed()],
    [
      'with a delegate that certified itself',
      'is not certified by the root',
      async () => [await sign({}, delegate), await sign(delegateFields, delegate)]
    ],
    [
      'with a delegate of another delegate',
      'is not certified by the root',
      async () => [await sign({}, stranger), await sign({ ...delegateFields }, delegate)]
    ],
    [
      'signed by someone else than the delegate beside it',
      'not signed by the issuer beside it',
      async () => [await sign({}, stranger), ...delegateChain]
    ],
    [
      'signed by the root, with a delegate beside it',
      'not signed by the issuer beside it',
      async () => [...rootChain, ...delegateChain]
    ],
    [
      'from a member that may not admit',
      'its issuer may not admit others',
      async () => [await sign({}, delegate), await sign({ ...delegateFields, mayAdmit: false })]
    ],
    [
      'when a delegate lets others admit',
      'a delegate cannot let others admit',
      async () => [await sign({ mayAdmit: true }, delegate), ...delegateChain]
    ],
    [
      'when the delegate is its own member and admits on',
      'a delegate cannot let others admit',
      async () => [await sign(delegateFields, delegate), ...delegateChain]
    ],
    ['of a record', 'another kind', async () => [await sealEnvelope('record', new Uint8Array(9), root)]],
    ['of nothing', 'not an envelope', async () => [new Uint8Array()]]
  ]

  it.each(cases)('%s', async (_, why, chain) => {
    const built = await chain()
    await expect(verify(built)).rejects.toThrow(refused())
    await expect(verify(built)).rejects.toThrow(why)
  })

  it('when it belongs to another network, whoever signed it', async () => {
    const theirs = withArrayBuffer(publicKeyToProtobuf(foreignRoot.publicKey))
    for (const key of [foreignRoot, root, member]) {
      await expect(verify([await sign({ networkKey: theirs }, key)])).rejects.toThrow(refused('NETWORK_FOREIGN'))
    }
    await expect(verifyChain(rootChain, foreignRoot.publicKey, nowMs)).rejects.toThrow(refused('NETWORK_FOREIGN'))
    await expect(verify([await sign({ networkKey: new Uint8Array() })])).rejects.toThrow(refused('NETWORK_FOREIGN'))
  })

  it('when one of its bytes is another', async () => {
    for (const chain of [rootChain, memberChain]) {
      for (const [at, envelope] of chain.entries()) {
        for (let byte = 0; byte < envelope.length; byte++) {
          for (const mask of [0x01, 0x80]) {
            const forged = envelope.slice()
            forged[byte] = (forged[byte] ?? 0) ^ mask
            const outcome = await verify(chain.with(at, forged)).catch((err: unknown) => err)
            expect(outcome, `byte ${byte} of link ${at}`).toMatchObject({ name: 'MeshError' })
          }
        }
      }
    }
  })

  it('when it is signed with a key of another type', async () => {
    for (const type of ['RSA', 'secp256k1', 'ECDSA'] as const) {
      const key = type === 'RSA' ? await generateKeyPair(type, 2048) : await generateKeyPair(type)
      await expect(verify([await sign({}, key)])).rejects.toThrow(refused())
      await expect(verify([await sign({}, key)])).rejects.toThrow(`its key is ${type}, not Ed25519`)
    }
  })

  it('when its member is not an Ed25519 peer id in its one form', async () => {
    const secp = peerIdFromPublicKey((await generateKeyPair('secp256k1')).publicKey)
    const rsa = peerIdFromPublicKey((await generateKeyPair('RSA', 2048)).publicKey)
    const own = idOf(member).toMultihash().bytes
    const padded = Uint8Array.from([0, own.length, ...own.subarray(2), 0x20, 0x00])
    const bad = [secp.toMultihash().bytes, rsa.toMultihash().bytes, padded, new Uint8Array(), own.slice(0, -1)]
    for (const peerId of bad) {
      await expect(verify([await sign({ peerId: Uint8Array.from(peerId) })])).rejects.toThrow(refused())
      await expect(verify([await sign({ peerId: Uint8Array.from(peerId) })])).rejects.toThrow('A peer id was refused')
    }
    await expect(issueCertificate({ networkKey, peerId: secp, name: 'bob', notBeforeMs: nowMs }, root)).rejects.toThrow(
      refused()
    )
  })
})

describe('the clock', () => {
  const endMs = nowMs + 30 * dayMs

  it.each([
    ['leaf', async (span: Partial<Certificate>) => [await sign(span)]],
    [
      'delegate',
      async (span: Partial<Certificate>) => [
        await sign({ notBeforeMs: 1, notAfterMs: endMs * 2 }, delegate),
        await sign({ peerId: idOf(delegate).toMultihash().bytes, mayAdmit: true, ...span })
      ]
    ]
  ])('may differ by ten minutes from that of the issuer, and not by more: %s', async (_, chainOf) => {
    const chain = await chainOf({ notBeforeMs: nowMs, notAfterMs: endMs })
    await expect(verify(chain, nowMs - toleranceMs)).resolves.toBeDefined()
    await expect(verify(chain, nowMs - toleranceMs - 1)).rejects.toThrow(refused('CERTIFICATE_NOT_YET_VALID'))
    await expect(verify(chain, endMs + toleranceMs)).resolves.toBeDefined()
    await expect(verify(chain, endMs + toleranceMs + 1)).rejects.toThrow(refused('CERTIFICATE_EXPIRED'))
  })

  it('is never asked for a time that is none', async () => {
    const last = 8.64e15
    await expect(verify([await sign({ notAfterMs: last })])).resolves.toBeDefined()
    await expect(verify([await sign({ notAfterMs: last + 1 })])).rejects.toThrow(refused())
    const late = { notBeforeMs: Number.MAX_SAFE_INTEGER - 1, notAfterMs: Number.MAX_SAFE_INTEGER }
    await expect(verify([await sign(late)])).rejects.toThrow(refused())
    await expect(verify([await sign({ notAfterMs: nowMs })])).rejects.toThrow('it ends before it begins')
    await expect(verify([await sign({ notAfterMs: nowMs + 1 })])).resolves.toBeDefined()
  })
})

describe('the limits of a certificate', () => {
  it('are 2 KiB and not a byte more', async () => {
    const bare = (await sign({})).length
    const atMost = await sign({}, root, fillingOf(limits.certificateBytes - bare))
    expect(atMost).toHaveLength(limits.certificateBytes)
    await expect(verify([atMost])).resolves.toMatchObject({ name: 'bob' })
    const onePast = await sign({}, root, fillingOf(limits.certificateBytes - bare + 1))
    expect(onePast).toHaveLength(limits.certificateBytes + 1)
    await expect(verify([onePast])).rejects.toThrow(refused())
  })

  it('are sixteen groups, for those who sign and for those who verify', async () => {
    const groups = Array.from({ length: limits.groupsPerCertificate + 1 }, (_, i) => `group-${i}`)
    const request = { networkKey, peerId: idOf(member), name: 'bob', notBeforeMs: nowMs }
    await expect(issueCertificate({ ...request, groups: groups.slice(1) }, root)).resolves.toBeDefined()
    await expect(issueCertificate({ ...request, groups }, root)).rejects.toThrow(refused('LIMIT_EXCEEDED'))
    await expect(verify([await sign({ groups: groups.slice(1) })])).resolves.toBeDefined()
    await expect(verify([await sign({ groups })])).rejects.toThrow(refused())
  })

  it('are a serial of sixteen bytes', async () => {
    for (const length of [0, 15, 17]) {
      await expect(verify([await sign({ serial: new Uint8Array(length) })])).rejects.toThrow(refused())
    }
  })

  it.each(['', 'Bob', 'a.b', 'cap', 'x'.repeat(64), '\u001b[2J', 'b\u0000b'])('are names; %j is none', async (name) => {
    await expect(verify([await sign({ name })])).rejects.toThrow(refused())
    await expect(verify([await sign({ groups: ['ops', name] })])).rejects.toThrow(refused())
    const request = { networkKey, peerId: idOf(member), notBeforeMs: nowMs }
    await expect(issueCertificate({ ...request, name }, root)).rejects.toThrow(refused('NAME_INVALID'))
    await expect(issueCertificate({ ...request, name: 'bob', groups: [name] }, root)).rejects.toThrow(
      refused('NAME_INVALID')
    )
  })

  it('hold for what we sign ourselves', async () => {
    const request = { networkKey, peerId: idOf(member), name: 'bob', notBeforeMs: nowMs }
    for (const notAfterMs of [nowMs, nowMs - 1, Number.NaN, Infinity, nowMs + 0.5, 8.64e15 + 1]) {
      await expect(issueCertificate({ ...request, notAfterMs }, root)).rejects.toThrow(refused())
    }
    await expect(issueCertificate({ ...request, notBeforeMs: -1 }, root)).rejects.toThrow(refused())
  })
})

describe('the key of a network', () => {
  let others: Uint8Array[] = []
  beforeAll(async () => {
    const keys = [
      await generateKeyPair('RSA', 2048),
      await generateKeyPair('secp256k1'),
      await generateKeyPair('ECDSA')
    ]
    others = keys.map((key) => publicKeyToProtobuf(key.publicKey))
  })

  it('is an Ed25519 key', () => {
    expect(parseNetworkKey(publicKeyToProtobuf(networkKey)).equals(networkKey)).toBe(true)
    expect(others).toHaveLength(3)
    for (const other of [...others, new Uint8Array(), certificateOf().networkKey.slice(0, -1)]) {
      expect(() => parseNetworkKey(other)).toThrow(refused())
    }
  })
})
