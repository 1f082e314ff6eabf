import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, SignedPolicy } from '@agent-mesh/wire'
import {
  addPolicySignature,
  comparePolicies,
  openPolicy,
  peekPolicy,
  sealEnvelope,
  type OpenPolicyOptions
} from '@agent-mesh/identity'
import { dayMs, foreignRoot, idOf, networkKey, nowMs, root, stranger } from '../network-fixture.ts'
import {
  ann,
  annChain,
  ben,
  benChain,
  cas,
  casChain,
  certify,
  dan,
  danChain,
  foreignChain,
  seal,
  source
} from './policy-network.ts'

const open = async (bytes: Uint8Array, options: Partial<OpenPolicyOptions> = {}) =>
  openPolicy(bytes, { networkKey, nowMs, signaturesNeeded: 1, ...options })

const issuedAt = async (issuedMs: number) => open(await seal(root, [], { issuedMs }))

const isAnn: OpenPolicyOptions['isRevoked'] = ({ name }) => name === 'ann'

const refused = (why: string) => ({ code: 'POLICY_REFUSED', message: expect.stringContaining(why) })

describe('a signed policy', () => {
  it('is opened as it was sealed by the root key', async () => {
    const { hash, ...rest } = await open(await seal())
    expect(rest).toEqual({
      version: 7,
      issuedMs: nowMs,
      source,
      signers: [{ peerId: idOf(root).toString(), name: '' }]
    })
    expect(hash).toHaveLength(32)
  })

  it('is opened as it was sealed by an admin', async () => {
    const { signers } = await open(await seal(ann, annChain))
    expect(signers).toEqual([{ peerId: idOf(ann).toString(), name: 'ann' }])
  })

  it('has one hash, whoever signed it', async () => {
    const [byRoot, byAnn] = [await open(await seal()), await open(await seal(ann, annChain))]
    const other = await open(await seal(root, [], { source: `${source}\n` }))
    expect(byAnn.hash).toEqual(byRoot.hash)
    expect(other.hash).not.toEqual(byRoot.hash)
  })

  it.each([
    ['of a member', dan, danChain, 'is not in the group "admin"'],
    ['of an admin by the word of a delegate', cas, casChain, 'is not in the group "admin"'],
    ['of an admin, by another key', stranger, annChain, 'is not that of its signer'],
    ['of an admin of another network', ann, foreignChain, 'does not hold'],
    ['of nobody', ann, [], 'does not hold'],
    ['of the root key, with a certificate', root, annChain, 'needs no certificate']
  ])('is refused with the signature %s', async (_what, key, chain, why) => {
    await expect(open(await seal(key, chain))).rejects.toMatchObject(refused(why))
  })

  it('is refused in another network', async () => {
    const foreign = await seal(foreignRoot, [], { networkKey: foreignRoot.publicKey })
    await expect(open(foreign)).rejects.toMatchObject({ code: 'NETWORK_FOREIGN' })
    await expect(open(await seal(foreignRoot))).rejects.toMatchObject(refused('does not hold'))
  })

  it('is refused from the future, a little tolerance aside', async () => {
    await expect(issuedAt(nowMs + limits.clockToleranceMs)).resolves.toMatchObject({ version: 7 })
    await expect(issuedAt(nowMs + limits.clockToleranceMs + 1)).rejects.toMatchObject(refused('in the future'))
  })

  it('outlives the certificate of its signer, which had to hold when it was issued', async () => {
    const bytes = await seal(ann, annChain)
    await expect(open(bytes, { nowMs: nowMs + 1000 * dayMs })).resolves.toMatchObject({ version: 7 })
    const after = await seal(ann, annChain, { issuedMs: nowMs + dayMs + limits.clockToleranceMs + 1 })
    await expect(open(after, { nowMs: nowMs + 2 * dayMs })).rejects.toMatchObject(refused('does not hold'))
    const before = await seal(ann, annChain, { issuedMs: nowMs - dayMs - limits.clockToleranceMs - 1 })
    await expect(open(before)).rejects.toMatchObject(refused('does not hold'))
  })

  it('is refused where its signer was revoked', async () => {
    await expect(open(await seal(ann, annChain), { isRevoked: isAnn })).rejects.toMatchObject(
      refused('"ann" was revoked')
    )
    await expect(open(await seal(ben, benChain), { isRevoked: isAnn })).resolves.toMatchObject({ version: 7 })
  })

  it.each([0, -1, 2 ** 53])('is refused with version %d', async (version) => {
    // The encoder refuses some of them; those that it writes have to be refused by the reader.
    const bytes = await seal(root, [], { version }).catch(() => undefined)
    if (bytes !== undefined) await expect(open(bytes)).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
  })

  it('is refused where a signature does not hold', async () => {
    const { signatures } = SignedPolicy.decode(await seal())
    const envelope = Uint8Array.from(signatures[0]?.envelope ?? [])
    envelope[envelope.length - 1] = (envelope.at(-1) ?? 0) ^ 1
    const bytes = SignedPolicy.encode({ signatures: [{ envelope, chain: [] }] })
    await expect(open(bytes)).rejects.toMatchObject(refused('its signature does not hold'))
  })

  it('is refused in another form of the same message', async () => {
    const bytes = await seal()
    const unknownField = Uint8Array.of(...bytes, 0xa2, 0x06, 0x01, 0x00)
    await expect(open(unknownField)).rejects.toMatchObject(refused('one form'))
  })
})

describe('several signatures', () => {
  it('count where they are of different admins over one payload', async () => {
    const one = await seal(ann, annChain)
    await expect(open(one, { signaturesNeeded: 2 })).rejects.toMatchObject(refused('1 of 2 admins'))
    const two = await addPolicySignature(one, networkKey, ben, benChain)
    const three = await addPolicySignature(two, networkKey, root, [])
    const { signers } = await open(three, { signaturesNeeded: 3 })
    expect(signers.map(({ name }) => name)).toEqual(['ann', 'ben', ''])
    expect(peekPolicy(three, networkKey)).toMatchObject({ version: 7, source, signers: { length: 3 } })
    await expect(open(three, { signaturesNeeded: 4 })).rejects.toMatchObject(refused('3 of 4 admins'))
  })

  it('of one admin count once', async () => {
    const one = await seal(ann, annChain)
    expect(await addPolicySignature(one, networkKey, ann, annChain)).toEqual(one)
    const { signatures } = SignedPolicy.decode(one)
    const twice = SignedPolicy.encode({ signatures: [...signatures, ...signatures] })
    await expect(open(twice, { signaturesNeeded: 2 })).rejects.toMatchObject(refused('signed it twice'))
    // With a renewed certificate the same key is the same admin.
    const renewed = await seal(ann, [await certify(ann, 'ann', root, { notAfterMs: nowMs + 2 * dayMs })])
    const both = SignedPolicy.encode({ signatures: [...signatures, ...SignedPolicy.decode(renewed).signatures] })
    await expect(open(both, { signaturesNeeded: 2 })).rejects.toMatchObject(refused('signed it twice'))
  })

  it('over different payloads are refused', async () => {
    const one = await seal(ann, annChain)
    const other = await seal(ben, benChain, { version: 8 })
    const signatures = [one, other].flatMap((bytes) => SignedPolicy.decode(bytes).signatures)
    await expect(open(SignedPolicy.encode({ signatures }))).rejects.toMatchObject(refused('different policies'))
  })

  it('all have to hold, not only as many as are needed', async () => {
    const two = await addPolicySignature(await seal(ann, annChain), networkKey, dan, danChain)
    await expect(open(two)).rejects.toMatchObject(refused('"dan" is not in the group "admin"'))
  })

  it('are of policies: a signature of the same bytes as another kind of document does not hold', async () => {
    const { signatures } = SignedPolicy.decode(await seal())
    const envelope = await sealEnvelope('revocation', Buffer.from(source), root)
    await expect(
      open(SignedPolicy.encode({ signatures: [{ envelope, chain: signatures[0]?.chain ?? [] }] }))
    ).rejects.toMatchObject(refused('of another kind'))
  })

  it('are bounded in number and in bytes', async () => {
    const { signatures } = SignedPolicy.decode(await seal())
    const many = (count: number) =>
      SignedPolicy.encode({ signatures: Array.from({ length: count }, () => signatures).flat() })
    await expect(open(many(limits.policySignatures + 1))).rejects.toMatchObject(refused('9 signatures, 8 are allowed'))
    await expect(open(many(limits.policySignatures))).rejects.toMatchObject(refused('twice'))
    const { length: around } = await seal(root, [], { source: 'x'.repeat(limits.policyBytes / 2) })
    const most = limits.policyBytes - around + limits.policyBytes / 2
    const exact = await seal(root, [], { source: 'x'.repeat(most) })
    expect(exact).toHaveLength(limits.policyBytes)
    await expect(open(exact)).resolves.toMatchObject({ version: 7 })
    await expect(seal(root, [], { source: 'x'.repeat(most + 1) })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await expect(open(new Uint8Array(limits.policyBytes + 1))).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
  })

  it('are not added to what is no policy of this network', async () => {
    await expect(addPolicySignature(Uint8Array.of(1), networkKey, ann, annChain)).rejects.toMatchObject({
      code: 'POLICY_REFUSED'
    })
    const foreign = await seal(foreignRoot, [], { networkKey: foreignRoot.publicKey })
    await expect(addPolicySignature(foreign, networkKey, ann, annChain)).rejects.toMatchObject({
      code: 'NETWORK_FOREIGN'
    })
  })
})

describe('of two policies', () => {
  const ranked = fc.record({
    version: fc.integer({ min: 1, max: 3 }),
    hash: fc.uint8Array({ minLength: 2, maxLength: 2, max: 2 })
  })

  it('the higher version wins, then the lower hash', () => {
    const [low, high] = [Uint8Array.of(1, 0), Uint8Array.of(1, 1)]
    expect(comparePolicies({ version: 2, hash: high }, { version: 1, hash: low })).toEqual({ order: 1, isFork: false })
    const fork = comparePolicies({ version: 2, hash: low }, { version: 2, hash: high })
    expect([fork.order > 0, fork.isFork]).toEqual([true, true])
    expect(comparePolicies({ version: 2, hash: low }, { version: 2, hash: low })).toEqual({ order: 0, isFork: false })
  })

  it('the same one wins from either side, and of any number in any order', () => {
    fc.assert(
      fc.property(fc.array(ranked, { minLength: 1, maxLength: 6 }), (policies) => {
        const best = (list: typeof policies) =>
          list.reduce((held, one) => (comparePolicies(one, held).order > 0 ? one : held))
        expect(best(policies)).toEqual(best(policies.toReversed()))
        for (const a of policies) {
          for (const b of policies) {
            expect(Math.sign(comparePolicies(a, b).order) + Math.sign(comparePolicies(b, a).order)).toBe(0)
          }
        }
      })
    )
  })
})
