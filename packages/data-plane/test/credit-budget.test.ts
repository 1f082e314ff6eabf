import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { CreditBudget } from '../src/tunnel/credit-budget.ts'

const MiB = 1024 * 1024

describe('the credit budget', () => {
  it('lets one tunnel grow to the largest window and no further', () => {
    const lease = new CreditBudget().open('a')
    expect(lease.resize(limits.creditMaxBytes, 0)).toBe(16 * MiB)
    expect(lease.resize(1, 0)).toBe(limits.creditInitialBytes)
  })

  it('gives every tunnel of a peer an equal share at most', () => {
    const budget = new CreditBudget()
    const leases = Array.from({ length: 32 }, () => budget.open('a'))
    for (const lease of leases) expect(lease.resize(16 * MiB, 0)).toBe(2 * MiB)
    expect(budget.usage.reservedBytes).toBe(limits.creditPerPeerBytes)
  })

  it('keeps the sum of one peer and of the node below their limits', () => {
    const budget = new CreditBudget()
    const early = Array.from({ length: 4 }, () => budget.open('a'))
    for (const lease of early) lease.resize(limits.creditMaxBytes, 0)
    const late = budget.open('a')
    expect(late.resize(4 * MiB, 0)).toBe(limits.creditInitialBytes)
    early[0]?.close()
    expect(late.resize(4 * MiB, 0)).toBe(4 * MiB)

    const peers = ['b', 'c', 'd', 'e', 'f', 'g']
    for (const peer of peers) for (let i = 0; i < 4; i++) budget.open(peer).resize(limits.creditMaxBytes, 0)
    // Windows of the first size come on top: a sender uses that much unasked.
    const unasked = peers.length * 4 * limits.creditInitialBytes
    expect(budget.usage.reservedBytes).toBeLessThanOrEqual(limits.creditPerNodeBytes + unasked)
    expect(budget.usage.peers).toBe(7)
  })

  it('never takes back what the sender may use already', () => {
    const lease = new CreditBudget().open('a')
    lease.resize(4 * MiB, 0)
    expect(lease.resize(limits.creditInitialBytes, 3 * MiB)).toBe(3 * MiB)
  })

  it('bounds what waits for readers, where the initial windows alone would exceed it', () => {
    const budget = new CreditBudget()
    const leases = Array.from({ length: 1024 }, () => budget.open('a'))
    const refused = leases.filter((lease) => {
      try {
        lease.hold(limits.creditInitialBytes)
        return false
      } catch (err) {
        expect(err).toMatchObject({ code: 'LIMIT_EXCEEDED' })
        return true
      }
    })
    expect(refused.length).toBe(1024 - limits.creditPerPeerBytes / limits.creditInitialBytes)
    expect(budget.usage.heldBytes).toBe(limits.creditPerPeerBytes)
    for (let peer = 0; peer < 3; peer++)
      for (let i = 0; i < 256; i++) budget.open(`peer${peer}`).hold(limits.creditInitialBytes)
    expect(() => budget.open('last').hold(1)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })
})
