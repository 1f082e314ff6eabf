import { describe, expect, it } from 'vitest'
import { openSuccession, readEnvelope, sealEnvelope, sealRevocation, sealSuccession } from '@agent-mesh/identity'
import { limits, Revocation, SignedDocument } from '@agent-mesh/wire'
import {
  dayMs,
  delegate,
  delegateChain,
  fillingOf,
  foreignRoot,
  idOf,
  keyOf,
  member,
  memberChain,
  networkKey,
  nowMs,
  root,
  stranger
} from '../network-fixture.ts'
import { admin, adminChain, issue, open, revoke } from './fixture.ts'

const tolerance = limits.clockToleranceMs

describe('a revocation', () => {
  it('is believed of the root, of an admin and of a delegate, and of nobody else', async () => {
    await expect(revoke('root', { reason: 'left' }).then(open)).resolves.toMatchObject({
      right: 'root',
      reason: 'left',
      revokedMs: nowMs,
      untilMs: nowMs + limits.certificateLifetimeMs
    })
    await expect(revoke('admin').then(open)).resolves.toMatchObject({ right: 'admin' })
    await expect(revoke('delegate').then(open)).resolves.toMatchObject({ right: 'delegate' })
    const refused = { code: 'REVOCATION_INVALID' }
    const init = { networkKey, peerId: idOf(delegate), revokedMs: nowMs }
    await expect(sealRevocation(init, member, memberChain).then(open)).rejects.toMatchObject(refused)
    await expect(sealRevocation(init, stranger, []).then(open)).rejects.toMatchObject(refused)
    await expect(sealRevocation(init, stranger, adminChain).then(open)).rejects.toMatchObject(refused)
    await expect(sealRevocation(init, root, adminChain).then(open)).rejects.toMatchObject(refused)
    // an admin by the word of a delegate is none
    const doubtful = await issue(member, { issuer: delegate, issuerChain: delegateChain, groups: [] })
    await expect(sealRevocation(init, member, doubtful).then(open)).rejects.toMatchObject(refused)
  })

  it('holds after the certificate of its signer has ended, and not for a time outside it', async () => {
    const chain = await issue(admin, { groups: ['admin'], notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs })
    const init = { networkKey, peerId: idOf(member), revokedMs: nowMs }
    await expect(sealRevocation(init, admin, chain).then((one) => open(one, nowMs + 20 * dayMs))).resolves.toBeDefined()
    for (const revokedMs of [nowMs - 2 * dayMs, nowMs + 2 * dayMs]) {
      await expect(
        sealRevocation({ ...init, revokedMs }, admin, chain).then((one) => open(one, nowMs + 5 * dayMs))
      ).rejects.toMatchObject({ code: 'REVOCATION_INVALID' })
    }
  })

  it('is refused from the future, when it has ended, and where it lasts longer than a certificate', async () => {
    const ahead = await revoke('root', { revokedMs: nowMs + tolerance })
    await expect(open(ahead)).resolves.toBeDefined()
    await expect(open(await revoke('root', { revokedMs: nowMs + tolerance + 1 }))).rejects.toThrow(/future/)
    const short = await revoke('root', { untilMs: nowMs + dayMs })
    await expect(open(short, nowMs + dayMs + 2 * tolerance)).resolves.toBeDefined()
    await expect(open(short, nowMs + dayMs + 2 * tolerance + 1)).rejects.toThrow(/ended by itself/)
    const most = nowMs + limits.certificateLifetimeMs + tolerance
    await expect(open(await revoke('root', { untilMs: most }))).resolves.toBeDefined()
    await expect(revoke('root', { untilMs: most + 1 })).rejects.toThrow(/longer than any certificate/)
    await expect(revoke('root', { untilMs: nowMs - 1 })).rejects.toThrow(/ends before/)
    await expect(revoke('root', { serial: 'abcd' })).rejects.toThrow(/serial/)
  })

  it('is refused in another network, in another form, and one byte too long', async () => {
    const init = { networkKey: foreignRoot.publicKey, peerId: idOf(member), revokedMs: nowMs }
    await expect(sealRevocation(init, foreignRoot, []).then(open)).rejects.toMatchObject({ code: 'NETWORK_FOREIGN' })
    const bytes = await revoke('root')
    const padded = Buffer.concat([bytes, fillingOf(limits.revocationBytes - bytes.length)])
    await expect(open(padded)).rejects.toThrow(/one form/)
    await expect(open(Buffer.concat([padded, Buffer.of(0)]))).rejects.toThrow(/bytes; /)
    const { envelope } = SignedDocument.decode(bytes)
    const crowd = SignedDocument.encode({ envelope, chain: [1, 2, 3].map(() => new Uint8Array(4)) })
    await expect(open(crowd)).rejects.toThrow(/too many certificates/)
  })

  it('takes a reason of 200 characters and not one more', async () => {
    await expect(open(await revoke('root', { reason: 'é'.repeat(300) }))).resolves.toMatchObject({
      reason: 'é'.repeat(200)
    })
    const { envelope } = SignedDocument.decode(await revoke('root'))
    const { payload } = readEnvelope('revocation', envelope, 6000, 'REVOCATION_INVALID')
    const message = Revocation.decode(new Uint8Array(payload))
    const long = Revocation.encode({ ...message, reason: 'x'.repeat(201) })
    const bytes = SignedDocument.encode({ envelope: await sealEnvelope('revocation', long, root), chain: [] })
    await expect(open(bytes)).rejects.toThrow(/reason/)
  })
})

describe('a succession', () => {
  it('is believed of the old key alone', async () => {
    const next = await keyOf(30)
    const init = { networkKey, newPeer: idOf(next), timeMs: nowMs }
    const bytes = await sealSuccession(init, member)
    const opened = await openSuccession(bytes, { networkKey, nowMs })
    expect(opened.oldPeer.equals(idOf(member))).toBe(true)
    expect(opened.newPeer.equals(idOf(next))).toBe(true)
    await expect(openSuccession(bytes, { networkKey: foreignRoot.publicKey, nowMs })).rejects.toMatchObject({
      code: 'NETWORK_FOREIGN'
    })
    await expect(openSuccession(bytes, { networkKey, nowMs: nowMs - tolerance - 1 })).rejects.toThrow(/future/)
    const same = await sealSuccession({ ...init, newPeer: idOf(member) }, member)
    await expect(openSuccession(same, { networkKey, nowMs })).rejects.toThrow(/the same/)
  })

  it('travels in the revocation of the old peer and in no other', async () => {
    const init = { networkKey, newPeer: idOf(await keyOf(30)), timeMs: nowMs }
    const succession = await sealSuccession(init, member)
    await expect(open(await revoke('admin', { succession }))).resolves.toMatchObject({ succession: { timeMs: nowMs } })
    await expect(open(await revoke('admin', { succession, peerId: idOf(stranger) }))).rejects.toThrow(/another peer/)
    const forged = await sealSuccession(init, stranger)
    await expect(open(await revoke('admin', { succession: forged }))).rejects.toMatchObject({
      code: 'REVOCATION_INVALID'
    })
  })
})
