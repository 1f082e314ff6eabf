import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  exportRootKey,
  importCertificate,
  importRootKey,
  openStateDir,
  removeRootKey,
  requestCertificate,
  signCertificate,
  stateFiles,
  type StateDir
} from '@agent-mesh/node'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'

const dayMs = 24 * 3_600_000

let mesh: TestMesh
beforeEach(async () => {
  mesh = await createMesh(['alice'])
})
afterEach(async () => mesh.close())

const founder = (): MeshMember => {
  const [alice] = mesh.members
  if (alice === undefined) throw new Error('the mesh has a founder')
  return alice
}

const isConnected = async (from: MeshMember, to: MeshMember): Promise<boolean> =>
  (await from.connected()).some(({ peerId }) => peerId === to.node.ready.peerId)

const connected = async (from: MeshMember, to: MeshMember, is = true): Promise<void> =>
  vi.waitFor(async () => expect(await isConnected(from, to)).toBe(is), { timeout: 10_000, interval: 50 })

const newStateDir = async (): Promise<StateDir> => {
  const path = await mkdtemp(join(tmpdir(), 'mesh-test-'))
  cleanups.push(async () => rm(path, { recursive: true, force: true }))
  return openStateDir(path)
}

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})

describe('revoke', () => {
  it('puts a member out, over a restart, until it has a new certificate', { timeout: 60_000 }, async () => {
    const bob = await mesh.add('bob', { capabilities: ['math'] })
    const alice = founder()
    await connected(alice, bob)
    await vi.waitFor(
      async () =>
        expect(
          (await alice.node.find({ query: 'math' }, { signal: AbortSignal.timeout(5_000) })).candidates
        ).toHaveLength(1),
      10_000
    )
    const made = await alice.node.revoke({ who: 'bob', reason: 'laptop lost' })
    expect(made).toMatchObject({ name: 'bob', peerId: bob.node.ready.peerId, reason: 'laptop lost', right: 'root' })
    expect(await isConnected(alice, bob)).toBe(false)
    expect((await alice.node.find({ query: 'math' }, { signal: AbortSignal.timeout(5_000) })).candidates).toEqual([])
    const dial = async () => alice.node.dial({ target: bob.node.ready.peerId }, { signal: AbortSignal.timeout(5_000) })
    await expect(dial()).rejects.toMatchObject({ code: 'REVOKED' })
    await alice.restart()
    const [kept] = alice.node.revocations()
    expect({ ...kept, name: 'bob' }).toEqual(made)
    await bob.restart({ bootstrap: alice.node.ready.addresses })
    await expect(
      bob.node.dial({ target: alice.node.ready.peerId }, { signal: AbortSignal.timeout(5_000) })
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(REVOKED|REFUSED_EARLIER)$/) })
    expect(await isConnected(alice, bob)).toBe(false)
    await bob.stop()
    await mesh.certify(bob, { notBeforeMs: Date.now() })
    await bob.restart({ bootstrap: alice.node.ready.addresses })
    await connected(alice, bob)
  })

  it('reaches every member, and those that were away when they come back', { timeout: 60_000 }, async () => {
    const alice = founder()
    const [bob, carol] = [await mesh.add('bob'), await mesh.add('carol')]
    const dora = await mesh.add('dora', { bootstrap: [alice] })
    await connected(alice, dora)
    await dora.stop()
    await bob.node.dial({ target: carol.node.ready.peerId }, { signal: AbortSignal.timeout(10_000) })
    await connected(carol, bob)
    await alice.node.revoke({ who: 'bob' })
    await connected(carol, bob, false)
    expect(carol.node.revocations()).toMatchObject([{ peerId: bob.node.ready.peerId, right: 'root' }])
    await dora.restart()
    await vi.waitFor(() => expect(dora.node.revocations()).toHaveLength(1), { timeout: 10_000, interval: 50 })
  })

  it('is for admins, and for delegates against those whom they admitted', { timeout: 60_000 }, async () => {
    const alice = founder()
    const [admin, delegate, carol] = [
      await mesh.add('admin1', { groups: ['admin'] }),
      await mesh.add('delegate', { mayAdmit: true }),
      await mesh.add('carol')
    ]
    for (const one of [admin, delegate]) await connected(one, alice)
    await expect(carol.node.revoke({ who: delegate.node.ready.peerId })).rejects.toMatchObject({ code: 'NOT_ADMIN' })
    await expect(delegate.node.revoke({ who: carol.node.ready.peerId })).rejects.toMatchObject({ code: 'NOT_ADMIN' })
    await expect(alice.node.revoke({ who: 'alice' })).rejects.toMatchObject({ code: 'USAGE' })
    await expect(alice.node.revoke({ who: 'nobody' })).rejects.toMatchObject({ code: 'NAME_UNKNOWN' })
    await expect(alice.node.revoke({ who: 'f'.repeat(32) })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const { serial } = carol.node.network().certificate
    await connected(alice, carol)
    expect(await alice.node.revoke({ who: serial })).toMatchObject({ serial, name: 'carol' })
    expect(await isConnected(alice, carol)).toBe(false)
    expect(await admin.node.revoke({ who: delegate.node.ready.peerId })).toMatchObject({ right: 'admin' })
    const { request } = await requestCertificate(await newStateDir(), { name: 'dora' })
    await expect(carol.node.signCertificate({ request })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    const dora = await delegate.node.signCertificate({ request })
    expect(await delegate.node.revoke({ who: dora.peerId })).toMatchObject({ right: 'delegate', name: 'dora' })
  })
})

const endOf = ({ node }: MeshMember): number => Date.parse(node.network().certificate.notAfter)

describe('a certificate in the last third of its life', () => {
  it('is renewed while the node runs, and others learn it', { timeout: 60_000 }, async () => {
    const alice = founder()
    const bob = await mesh.add('bob', { groups: ['ops'] })
    await bob.stop()
    await mesh.certify(bob, {
      notBeforeMs: Date.now() - 25 * dayMs,
      notAfterMs: Date.now() + 5 * dayMs,
      groups: ['ops']
    })
    await bob.restart({ bootstrap: alice.node.ready.addresses })
    const freshMs = Date.now() + limits.certificateLifetimeMs - dayMs
    await vi.waitFor(() => expect(endOf(bob)).toBeGreaterThan(freshMs), { timeout: 10_000, interval: 50 })
    expect(bob.node.network()).toMatchObject({ name: 'bob', groups: ['ops'] })
    const { serial } = bob.node.network().certificate
    // said at the next hello, without a restart: its neighbour revokes it by its serial
    await alice.restart()
    await connected(alice, bob)
    await expect(alice.node.revoke({ who: serial })).resolves.toMatchObject({ name: 'bob' })
    await connected(alice, bob, false)
    await bob.restart({ bootstrap: alice.node.ready.addresses })
    expect(bob.node.network().certificate.serial).toBe(serial)
  })

  it('that a delegate issued is renewed by the delegate while the root is away', { timeout: 60_000 }, async () => {
    const alice = founder()
    const delegate = await mesh.add('delegate', { mayAdmit: true, groups: ['ci'] })
    const [worker, foreign] = [await mesh.add('worker'), await mesh.add('foreign', { groups: ['ops'] })]
    const times = { notBeforeMs: Date.now() - 25 * dayMs, notAfterMs: Date.now() + 5 * dayMs }
    for (const one of [worker, foreign]) await one.stop()
    await mesh.certify(worker, { ...times, groups: ['ci'], issuer: delegate })
    await mesh.certify(foreign, { ...times, groups: ['ops'] })
    await connected(delegate, alice)
    await alice.stop()
    for (const one of [worker, foreign]) await one.restart({ bootstrap: delegate.node.ready.addresses })
    await vi.waitFor(() => expect(endOf(worker)).toBeGreaterThan(Date.now() + 28 * dayMs), {
      timeout: 15_000,
      interval: 50
    })
    expect(worker.node.network()).toMatchObject({ name: 'worker', groups: ['ci'], mayAdmit: false })
    expect(worker.node.network().certificate.issuer).toBe(delegate.node.ready.peerId)
    expect(endOf(worker)).toBeLessThanOrEqual(endOf(delegate))
    await connected(foreign, delegate)
    await expect(foreign.node.renewCertificate()).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    expect(endOf(foreign)).toBe(times.notAfterMs)
    // the root comes back, and renews the other one without being asked to
    await alice.restart()
    await vi.waitFor(
      async () => foreign.node.dial({ target: alice.node.ready.peerId }, { signal: AbortSignal.timeout(10_000) }),
      { timeout: 15_000, interval: 200 }
    )
    await vi.waitFor(() => expect(endOf(foreign)).toBeGreaterThan(Date.now() + 25 * dayMs), {
      timeout: 15_000,
      interval: 50
    })
  })

  it('is left alone where it is ephemeral, early, or the delegate may not', { timeout: 60_000 }, async () => {
    const alice = founder()
    const delegate = await mesh.add('delegate', { mayAdmit: true })
    const [ci, early] = [await mesh.add('ci'), await mesh.add('early')]
    await ci.stop()
    await mesh.certify(ci, {
      notBeforeMs: Date.now() - 25 * dayMs,
      notAfterMs: Date.now() + 5 * dayMs,
      isEphemeral: true
    })
    await ci.restart({ bootstrap: alice.node.ready.addresses })
    for (const one of [ci, early]) await connected(one, alice)
    await expect(ci.node.renewCertificate()).rejects.toMatchObject({ code: 'DENIED' })
    await expect(early.node.renewCertificate()).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    const before = Date.parse(alice.node.network().certificate.notAfter)
    await alice.node.renewCertificate()
    expect(Date.parse(alice.node.network().certificate.notAfter)).toBeGreaterThan(before)
    const far = await mesh.add('far', { bootstrap: [delegate] })
    await connected(far, delegate)
    await alice.stop()
    await connected(far, alice, false)
    await expect(far.node.renewCertificate()).rejects.toMatchObject({
      code: expect.stringMatching(/^(NOT_ISSUER|UNREACHABLE)$/)
    })
  })
})

describe('a certificate that travels as text', () => {
  it('makes a member without a connection, under a name that is free', { timeout: 60_000 }, async () => {
    const alice = founder()
    const directory = await newStateDir()
    const { request, peerId } = await requestCertificate(directory, { name: 'bob', groups: ['workers'] })
    const signed = await alice.node.signCertificate({ request, mayAdmit: true })
    expect(signed).toMatchObject({ name: 'bob', groups: ['workers'], peerId })
    await expect(importCertificate(await newStateDir(), signed.certificate)).rejects.toMatchObject({
      code: 'KEY_FOREIGN'
    })
    await expect(importCertificate(directory, signed.certificate.slice(0, -3))).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID'
    })
    expect(await importCertificate(directory, signed.certificate)).toMatchObject({ name: 'bob', mayAdmit: true })
    expect(await stateFiles(directory.path).peers.read()).toBeDefined()
    const second = await requestCertificate(await newStateDir(), { name: 'bob' })
    await expect(alice.node.signCertificate({ request: second.request })).rejects.toMatchObject({ code: 'NAME_TAKEN' })
    // on disk, where no node runs
    await expect(signCertificate(alice.directory, { request: second.request })).rejects.toMatchObject({
      code: 'STATE_LOCKED'
    })
    await alice.stop()
    await expect(signCertificate(alice.directory, { request: second.request })).rejects.toMatchObject({
      code: 'NAME_TAKEN'
    })
    const week = await signCertificate(alice.directory, {
      request: second.request,
      name: 'bert',
      ephemeralMs: 7 * dayMs
    })
    expect(Date.parse(week.notAfter)).toBeLessThan(Date.now() + 7 * dayMs + 1_000)
  })
})

describe('a change of keys', () => {
  it('takes name and groups to a new peer id, and leaves the old one revoked', { timeout: 60_000 }, async () => {
    const alice = founder()
    const bob = await mesh.add('bob', { groups: ['ops'] })
    await connected(alice, bob)
    const old = bob.node.ready.peerId
    const rotated = await bob.node.rotateKey()
    expect(rotated.oldPeerId).toBe(old)
    await vi.waitFor(
      () => expect(alice.node.revocations()).toMatchObject([{ peerId: old, successor: rotated.newPeerId }]),
      {
        timeout: 5_000
      }
    )
    await bob.restart({ bootstrap: alice.node.ready.addresses })
    expect(bob.node.network()).toMatchObject({ peerId: rotated.newPeerId, name: 'bob', groups: ['ops'] })
    expect(await stateFiles(bob.directory.path).nextIdentity.read()).toBeUndefined()
    await connected(alice, bob)
    // the root itself
    const { newPeerId } = await alice.node.rotateKey()
    await alice.restart()
    expect(alice.node.network()).toMatchObject({ peerId: newPeerId, name: 'alice', hasRootKey: true })
    await connected(alice, bob)
  })
})

describe('the root key', () => {
  it('leaves its node after a backup, and comes back from it', { timeout: 60_000 }, async () => {
    const alice = founder()
    await alice.stop()
    const file = join((await newStateDir()).path, 'backup.key')
    await expect(removeRootKey(alice.directory)).rejects.toMatchObject({ code: 'USAGE' })
    await exportRootKey(alice.directory, file)
    await expect(exportRootKey(alice.directory, file)).rejects.toMatchObject({ code: 'USAGE' })
    expect(await removeRootKey(alice.directory)).toMatchObject({ hasRootKey: false, mayAdmit: true })
    await expect(exportRootKey(alice.directory, `${file}2`)).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    const { request } = await requestCertificate(await newStateDir(), { name: 'bob' })
    expect(await signCertificate(alice.directory, { request })).toMatchObject({ name: 'bob' })
    await expect(signCertificate(alice.directory, { request, mayAdmit: true })).rejects.toMatchObject({
      code: 'NOT_ISSUER'
    })
    expect(await importRootKey(alice.directory, file)).toMatchObject({ hasRootKey: true })
    expect(await signCertificate(alice.directory, { request, mayAdmit: true })).toMatchObject({ name: 'bob' })
    const identity = stateFiles(alice.directory.path).identityKey
    await expect(importRootKey(alice.directory, identity)).rejects.toMatchObject({ code: 'KEY_FOREIGN' })
  })
})
