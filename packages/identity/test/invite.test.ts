import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { createInvite, openRequest, pruneInvites, redeemInvite, sealRequest } from '@agent-mesh/identity'
import { dayMs, nowMs } from './network-fixture.ts'

const refused = (code: string) => expect.objectContaining({ name: 'MeshError', code })

describe('an invitation', () => {
  it('is good for one member, once', () => {
    const { invite, secret } = createInvite({ nowMs, groups: ['ops'] })
    const spent = redeemInvite(invite, secret, 'peer-a', nowMs)
    expect(spent).toEqual({ ...invite, usedBy: ['peer-a'] })
    expect(invite.usedBy).toEqual([])
    expect(() => redeemInvite(spent, secret, 'peer-b', nowMs)).toThrow(refused('TICKET_USED'))
    expect(() => redeemInvite(spent, secret, 'peer-b', nowMs)).toThrow('good for 1 member.')
  })

  it('is good for as many as it says, and not for one more', () => {
    const { invite, secret } = createInvite({ nowMs, uses: 3 })
    let state = invite
    for (const peer of ['a', 'b', 'c']) state = redeemInvite(state, secret, peer, nowMs)
    expect(state.usedBy).toEqual(['a', 'b', 'c'])
    expect(() => redeemInvite(state, secret, 'd', nowMs)).toThrow(refused('TICKET_USED'))
    expect(() => redeemInvite(state, secret, 'd', nowMs)).toThrow('good for 3 members.')
  })

  it('serves the same peer again without another use, for its first answer may have been lost', () => {
    const { invite, secret } = createInvite({ nowMs, uses: 2 })
    const once = redeemInvite(invite, secret, 'a', nowMs)
    const twice = redeemInvite(once, secret, 'a', nowMs)
    expect(twice).toEqual(once)
    expect(redeemInvite(twice, secret, 'b', nowMs).usedBy).toEqual(['a', 'b'])
  })

  it('tells a wrong secret nothing, whoever asks and whatever its state', () => {
    const { invite, secret } = createInvite({ nowMs })
    const spent = redeemInvite(invite, secret, 'a', nowMs)
    const wrong = [new Uint8Array(), new Uint8Array(16), secret.slice(1), Uint8Array.from([...secret, 0])]
    for (const one of wrong) {
      for (const state of [invite, spent, undefined]) {
        expect(() => redeemInvite(state, one, 'a', nowMs)).toThrow(refused('TICKET_UNKNOWN'))
        expect(() => redeemInvite(state, one, 'a', nowMs + 99 * dayMs)).toThrow(refused('TICKET_UNKNOWN'))
      }
    }
    expect(() => redeemInvite(undefined, secret, 'a', nowMs)).toThrow(refused('TICKET_UNKNOWN'))
  })

  it('ends', () => {
    const { invite, secret } = createInvite({ nowMs, lifetimeMs: 1_000 })
    expect(invite.expiresMs).toBe(nowMs + 1_000)
    expect(redeemInvite(invite, secret, 'a', nowMs + 1_000).usedBy).toEqual(['a'])
    expect(() => redeemInvite(invite, secret, 'a', nowMs + 1_001)).toThrow(refused('TICKET_EXPIRED'))
    expect(createInvite({ nowMs }).invite.expiresMs).toBe(nowMs + limits.inviteLifetimeMs)
  })

  it('is forgotten a day after it ended, not before', () => {
    const { invite } = createInvite({ nowMs, lifetimeMs: 1_000 })
    const goneMs = invite.expiresMs + limits.inviteLifetimeMs
    const later = createInvite({ nowMs: goneMs }).invite
    expect(pruneInvites([invite, later], goneMs - 1)).toEqual([invite, later])
    expect(pruneInvites([invite, later], goneMs)).toEqual([later])
  })

  it('keeps its secret to the ticket: on disk lies a hash, in plain text nothing', () => {
    const { invite, secret, id } = createInvite({ nowMs })
    expect(JSON.stringify(invite)).not.toContain(Buffer.from(secret).toString('hex'))
    expect(JSON.stringify(invite)).not.toContain(Buffer.from(secret).toString('base64'))
    expect(invite.id).toBe(Buffer.from(id).toString('hex'))
    expect(createInvite({ nowMs }).secret).not.toEqual(secret)
  })

  it('has the two halves of one sealing key', () => {
    const { invite, sealKey } = createInvite({ nowMs })
    const { sealed } = sealRequest(sealKey, Uint8Array.of(1, 2, 3))
    expect(openRequest(invite.sealKey, sealed).plain).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('is refused like any other when its hash on disk is damaged', () => {
    const { invite, secret } = createInvite({ nowMs })
    for (const secretHash of ['', 'no hash', invite.secretHash.slice(2), `${invite.secretHash}00`]) {
      expect(() => redeemInvite({ ...invite, secretHash }, secret, 'a', nowMs)).toThrow(refused('TICKET_UNKNOWN'))
    }
  })

  it('is not made for nobody, for no time, or for groups that no certificate can hold', () => {
    for (const uses of [0, -1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => createInvite({ nowMs, uses })).toThrow(refused('USAGE'))
    }
    expect(createInvite({ nowMs, uses: 2 ** 32 - 1 }).invite.uses).toBe(2 ** 32 - 1)
    for (const lifetimeMs of [0, -1, Number.NaN, Infinity]) {
      expect(() => createInvite({ nowMs, lifetimeMs })).toThrow(refused('USAGE'))
    }
    expect(() => createInvite({ nowMs, groups: ['Ops'] })).toThrow(refused('NAME_INVALID'))
    const groups = Array.from({ length: limits.groupsPerCertificate + 1 }, (_, i) => `g${i}`)
    expect(() => createInvite({ nowMs, groups })).toThrow(refused('LIMIT_EXCEEDED'))
    expect(createInvite({ nowMs, groups: groups.slice(1) }).invite.groups).toHaveLength(limits.groupsPerCertificate)
  })
})
