import { describe, expect, it, vi } from 'vitest'
import { sealRevocation, verifyChain } from '@agent-mesh/identity'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { createRevocationKeeper, type RevocationStore } from '../../src/revocation/revocation-keeper.ts'

const memoryStore = () => {
  let items: Uint8Array[] = []
  const store: RevocationStore = {
    load: async () => items,
    save: async (next) => {
      items = next
    }
  }
  return { store, items: () => items }
}

const revocationOf = async ({ networkKey, rootKey, member }: TestNetwork, revokedMs = Date.now()) => {
  const bob = await member('bob')
  const bytes = await sealRevocation({ networkKey, peerId: bob.peerId, revokedMs }, rootKey, [])
  return { bob, bytes, membership: await verifyChain(bob.chain, networkKey, Date.now()) }
}

const full = async (): Promise<never> => {
  throw new Error('disk full')
}

describe('the keeper of revocations', () => {
  it('is a replica, tells of what is new once, and survives a restart', async () => {
    const network = await createTestNetwork()
    const { networkKey } = network
    const { store } = memoryStore()
    const keeper = createRevocationKeeper({ networkKey, store })
    const { bob, bytes, membership } = await revocationOf(network)
    const changed = vi.fn()
    const stop = keeper.onChange(changed)
    const empty = keeper.digest()
    expect(empty).toHaveLength(32)
    expect(keeper.isRevoked(membership)).toBe(false)
    expect(await keeper.accept(bytes, bob.peerId)).toBe(true)
    expect(await keeper.accept(bytes, bob.peerId)).toBe(false)
    expect(changed).toHaveBeenCalledTimes(1)
    expect(keeper.ids().map((id) => keeper.get(id))).toEqual([Uint8Array.from(bytes)])
    const again = createRevocationKeeper({ networkKey, store })
    await again.load()
    expect(again.isRevoked(membership)).toBe(true)
    expect(again.digest()).toEqual(keeper.digest())
    stop()
    await expect(keeper.accept(Uint8Array.from([1, 2, 3]), bob.peerId)).rejects.toMatchObject({
      code: 'REVOCATION_INVALID'
    })
  })

  it('holds what could not be written, and says so to whoever made it', async () => {
    const network = await createTestNetwork()
    const onSaveFailed = vi.fn()
    const keeper = createRevocationKeeper({
      networkKey: network.networkKey,
      onSaveFailed,
      store: { load: async () => [], save: full }
    })
    const [one, two] = [await revocationOf(network), await revocationOf(network)]
    expect(await keeper.accept(one.bytes, one.bob.peerId)).toBe(true)
    expect(onSaveFailed).toHaveBeenCalledTimes(1)
    await expect(keeper.add(two.bytes)).rejects.toThrow('disk full')
    expect([keeper.isRevoked(one.membership), keeper.isRevoked(two.membership)]).toEqual([true, true])
  })

  it('drops from memory and disk what has ended', async () => {
    const network = await createTestNetwork()
    const { networkKey } = network
    const { store, items } = memoryStore()
    let atMs = Date.now()
    const keeper = createRevocationKeeper({ networkKey, store, now: () => atMs, pruneMs: 5 })
    const { bytes } = await revocationOf(network, atMs)
    await keeper.add(bytes)
    keeper.start()
    atMs += limits.certificateLifetimeMs + limits.clockToleranceMs + 1
    await vi.waitFor(() => expect([keeper.list(), items()]).toEqual([[], []]))
    keeper.stop()
  })
})
