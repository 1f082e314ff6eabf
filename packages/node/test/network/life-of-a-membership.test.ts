import { readdir, rm, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import {
  createInvite,
  decodeTicket,
  issueCertificate,
  loadKey,
  loadOrCreateKey,
  saveKey,
  verifyChain
} from '@agent-mesh/identity'
import { createNetwork, leaveNetwork, openStateDir, showNetwork, stateFiles, type StateDir } from '@agent-mesh/node'
import { Issuance } from '../../src/daemon/issuance.ts'
import { revocationStore } from '../../src/state/revocation-store.ts'
import { createRevocationKeeper } from '@agent-mesh/control-plane'
import { Invitations } from '../../src/daemon/invitations.ts'
import { loadCredentials, renewByRoot, saveMembership } from '../../src/state/credentials.ts'

const day = 24 * 3_600_000
let directory: StateDir
beforeEach(async () => {
  directory = await openStateDir(await mkdtemp(join(tmpdir(), 'mesh-life-')))
})
afterEach(async () => {
  await rm(directory.path, { recursive: true })
})

/** A member certified by a root that is elsewhere. */
const certify = async (notBeforeMs: number): Promise<void> => {
  const files = stateFiles(directory.path)
  const root = await generateKeyPair('Ed25519')
  const key = await loadOrCreateKey(files.identityKey)
  const certificate = await issueCertificate(
    { networkKey: root.publicKey, peerId: peerIdFromPrivateKey(key), name: 'bob', notBeforeMs },
    root
  )
  await saveMembership(files, root.publicKey, [certificate])
}

describe('the founder', () => {
  it('renews its own certificate when a third of its life is left, and after its end', async () => {
    const { peerId, certificate } = await createNetwork(directory, { name: 'alice' })
    const files = stateFiles(directory.path)
    const { membership: kept } = await renewByRoot(files, Date.now() + 19 * day)
    expect(kept.serial).toBe(certificate.serial)
    const { membership } = await renewByRoot(files, Date.now() + 40 * day)
    expect(membership).toMatchObject({ name: 'alice', mayAdmit: true, isIssuedByRoot: true })
    expect(membership.peerId.toString()).toBe(peerId)
    expect(membership.notAfterMs).toBeGreaterThan(Date.now() + 60 * day)
  })

  it('keeps its root key under another name when it leaves', async () => {
    const { network } = await createNetwork(directory, { name: 'alice' })
    await leaveNetwork(directory)
    const left = await readdir(directory.path)
    expect(left).toContain(`root.key.${network}`)
    expect(left).toContain('identity.key')
    expect(left).not.toContain('membership.json')
    await expect(showNetwork(directory)).rejects.toMatchObject({ code: 'NO_NETWORK' })
  })
})

describe('a member whose certificate has ended', () => {
  it('is refused a start, can be looked at, and can leave', async () => {
    await certify(Date.now() - limits.certificateLifetimeMs - day)
    await expect(renewByRoot(stateFiles(directory.path), Date.now())).rejects.toMatchObject({
      code: 'CERTIFICATE_EXPIRED'
    })
    expect(await showNetwork(directory)).toMatchObject({ name: 'bob' })
    expect(await leaveNetwork(directory)).toMatchObject({ name: 'bob' })
  })

  it('is never started under a key that the certificate does not name', async () => {
    await certify(Date.now())
    const files = stateFiles(directory.path)
    await saveKey(files.identityKey, await generateKeyPair('Ed25519'))
    await expect(loadCredentials(files, Date.now())).rejects.toMatchObject({ code: 'KEY_FOREIGN' })
  })
})

describe('an invitation', () => {
  it('gives a peer one name, however often it asks', async () => {
    await createNetwork(directory, { name: 'alice' })
    const files = stateFiles(directory.path)
    const credentials = await loadCredentials(files, Date.now())
    const { invite, id, secret } = createInvite({ nowMs: Date.now() })
    await files.invites.write([invite])
    const revocations = createRevocationKeeper({ networkKey: credentials.networkKey, store: revocationStore(files) })
    const issuance = new Issuance({ credentials, files, revocations, holdersOf: async () => [] })
    const invitations = new Invitations({ credentials, files, issuance, addresses: () => [] })
    await invitations.load()
    const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const ask = async (name: string, who = peerId): Promise<unknown> =>
      invitations.redeem({ inviteId: id, secret, peerId: who, name, nowMs: Date.now() })
    await expect(ask('alice')).rejects.toMatchObject({ code: 'NAME_TAKEN' })
    await expect(ask('bob')).resolves.toHaveLength(1)
    await expect(ask('bob')).resolves.toHaveLength(1)
    await expect(ask('carol')).rejects.toMatchObject({ code: 'TICKET_USED' })
    await expect(ask('dora', other)).rejects.toMatchObject({ code: 'TICKET_USED' })
    expect(await loadKey(files.rootKey)).toBeDefined()
    expect((await files.issued.read())?.map((one) => one.name)).toEqual(['bob', 'bob'])
  })

  it('makes members for a while, and members that may admit, in its own groups', async () => {
    await createNetwork(directory, { name: 'alice' })
    const files = stateFiles(directory.path)
    const credentials = await loadCredentials(files, Date.now())
    const { networkKey } = credentials
    const revocations = createRevocationKeeper({ networkKey, store: revocationStore(files) })
    const issuance = new Issuance({ credentials, files, revocations, holdersOf: async () => [] })
    const invitations = new Invitations({ credentials, files, issuance, addresses: () => [] })
    const dayMs = 24 * 3_600_000
    const request = { uses: 1, groups: ['ci'], ephemeralMs: 7 * dayMs, mayAdmit: true }
    const { ticket } = await invitations.create(request)
    const { inviteId, secret } = decodeTicket(ticket, Date.now())
    const key = await generateKeyPair('Ed25519')
    const peerId = peerIdFromPrivateKey(key)
    // as it comes back from disk
    const again = new Invitations({ credentials, files, issuance, addresses: () => [] })
    await again.load()
    const chain = await again.redeem({ inviteId, secret, peerId, name: 'ci-1', nowMs: Date.now() })
    const membership = await verifyChain(chain, networkKey, Date.now())
    expect(membership).toMatchObject({ isEphemeral: true, mayAdmit: true, groups: ['ci'], name: 'ci-1' })
    expect(membership.notAfterMs - membership.issuedMs).toBe(7 * dayMs)
    // what it may hand on itself
    const delegate = { networkKey, key, networkId: credentials.networkId, membership }
    const own = new Issuance({ credentials: delegate, files, revocations, holdersOf: async () => [] })
    const invites = new Invitations({ credentials: delegate, files, issuance: own, addresses: () => [] })
    await expect(invites.create({ groups: ['ops'] })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    await expect(invites.create({ groups: ['ci'], mayAdmit: true })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    await expect(invites.create({ groups: ['ci'] })).resolves.toMatchObject({ groups: ['ci'] })
  })
})
