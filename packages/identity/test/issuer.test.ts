import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { describe, expect, it } from 'vitest'
import { Certificate, limits } from '@agent-mesh/wire'
import { adminGroup, createIssuer, issueCertificate, openEnvelope, verifyChain } from '@agent-mesh/identity'
import {
  dayMs,
  delegate,
  delegateChain,
  foreignRoot,
  idOf,
  member,
  memberChain,
  networkKey,
  nowMs,
  root,
  rootChain,
  stranger
} from './network-fixture.ts'

const refused = (code: string) => expect.objectContaining({ name: 'MeshError', code })
const request = { peerId: idOf(stranger), name: 'carol', groups: ['translators'], nowMs }

describe('an issuer', () => {
  it('signs as the root where it has the root key', async () => {
    const membership = await verifyChain(rootChain, networkKey, nowMs)
    const { issue } = createIssuer({ networkKey, rootKey: root, memberKey: member, membership })
    const chain = await issue({ ...request, mayAdmit: true })
    await expect(verifyChain(chain, networkKey, nowMs)).resolves.toMatchObject({
      name: 'carol',
      groups: ['translators'],
      mayAdmit: true,
      isIssuedByRoot: true,
      notAfterMs: nowMs + limits.certificateLifetimeMs
    })
  })

  it('signs as a delegate where its certificate lets it, and gives its own certificate along', async () => {
    const membership = await verifyChain(delegateChain, networkKey, nowMs)
    const { issue } = createIssuer({ networkKey, memberKey: delegate, membership })
    const chain = await issue(request)
    expect(chain.slice(1)).toEqual(delegateChain)
    await expect(verifyChain(chain, networkKey, nowMs)).resolves.toMatchObject({ name: 'carol', isIssuedByRoot: false })
    await expect(issue({ ...request, mayAdmit: true })).rejects.toThrow(refused('NOT_ISSUER'))
  })

  it('admits as a delegate into its own groups only, and what says otherwise does not verify', async () => {
    const membership = await verifyChain(delegateChain, networkKey, nowMs)
    const { issue } = createIssuer({ networkKey, memberKey: delegate, membership })
    await expect(issue({ ...request, groups: ['translators', 'ops'] })).rejects.toThrow(refused('NOT_ISSUER'))
    const forged = await issueCertificate({ ...request, networkKey, groups: ['ops'], notBeforeMs: nowMs }, delegate)
    await expect(verifyChain([forged, ...delegateChain], networkKey, nowMs)).rejects.toThrow(
      refused('CERTIFICATE_INVALID')
    )
  })

  it('says how many admins sign a policy as the root does, whoever issues', async () => {
    const two = await issueCertificate(
      {
        networkKey,
        peerId: idOf(delegate),
        name: 'alice',
        groups: [adminGroup],
        mayAdmit: true,
        notBeforeMs: nowMs,
        policySignatures: 2
      },
      root
    )
    const alice = await verifyChain([two], networkKey, nowMs)
    expect(alice).toMatchObject({ isAdmin: true, policySignatures: 2 })
    const { issue } = createIssuer({ networkKey, memberKey: delegate, membership: alice })
    const chain = await issue({ ...request, groups: [adminGroup], isEphemeral: true, lifetimeMs: dayMs })
    await expect(verifyChain(chain, networkKey, nowMs)).resolves.toMatchObject({
      isAdmin: false,
      policySignatures: 2,
      isEphemeral: true,
      notAfterMs: nowMs + dayMs
    })
    const modest = await issueCertificate({ ...request, networkKey, groups: [], notBeforeMs: nowMs }, delegate)
    await expect(verifyChain([modest, two], networkKey, nowMs)).resolves.toMatchObject({ policySignatures: 2 })
  })

  it('signs as a delegate for no longer than its own certificate lasts', async () => {
    const membership = await verifyChain(delegateChain, networkKey, nowMs)
    const { issue } = createIssuer({ networkKey, memberKey: delegate, membership })
    const lateMs = membership.notAfterMs - dayMs
    const chain = await issue({ ...request, nowMs: lateMs })
    // The certificate itself says so, not only the span that the whole chain gives it.
    const { payload } = await openEnvelope('certificate', chain[0] ?? new Uint8Array(), 2048, 'CERTIFICATE_INVALID')
    expect(Certificate.decode(withArrayBuffer(payload)).notAfterMs).toBe(membership.notAfterMs)
    await expect(issue({ ...request, nowMs: membership.notAfterMs - 1 })).resolves.toBeDefined()
    await expect(issue({ ...request, nowMs: membership.notAfterMs })).rejects.toThrow(refused('CERTIFICATE_EXPIRED'))
  })

  it('is not a member that may not admit, nor one that a delegate admitted', async () => {
    for (const chain of [rootChain, memberChain]) {
      const membership = await verifyChain(chain, networkKey, nowMs)
      expect(() => createIssuer({ networkKey, memberKey: member, membership })).toThrow(refused('NOT_ISSUER'))
    }
    const membership = { ...(await verifyChain(memberChain, networkKey, nowMs)), mayAdmit: true }
    expect(() => createIssuer({ networkKey, memberKey: member, membership })).toThrow(refused('NOT_ISSUER'))
  })

  it('does not sign with a key that nobody would accept', async () => {
    const membership = await verifyChain(delegateChain, networkKey, nowMs)
    expect(() => createIssuer({ networkKey, rootKey: foreignRoot, memberKey: delegate, membership })).toThrow(
      refused('KEY_FOREIGN')
    )
    expect(() => createIssuer({ networkKey, memberKey: member, membership })).toThrow(refused('KEY_FOREIGN'))
  })
})
