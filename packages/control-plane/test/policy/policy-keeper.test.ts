import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { addPolicySignature, sealPolicy, type Subject } from '@agent-mesh/identity'
import { limits, MeshError } from '@agent-mesh/wire'
import {
  PolicyKeeper,
  type PolicyFork,
  type PolicyKeeperInit,
  type PolicyStore
} from '../../src/policy/policy-keeper.ts'

const nowMs = 1_790_000_000_000

let network: TestNetwork
let ann: TestMember
let ben: TestMember
let policies: Uint8Array[]

const toBob = (service: string): string => `grants: [{from: bob, to: alice, services: ${service}}]`

const seal = async (version: number, source = toBob('web'), issuedMs = nowMs) =>
  sealPolicy({ source, version, issuedMs, networkKey: network.networkKey }, network.rootKey, [])

const sealByAnn = async (version: number) =>
  sealPolicy(
    { source: toBob('web'), version, issuedMs: nowMs, networkKey: network.networkKey },
    ann.privateKey,
    ann.chain
  )

beforeAll(async () => {
  network = await createTestNetwork()
  const terms = { groups: ['admin'], notBeforeMs: nowMs - 1000 }
  ann = await network.member('ann', terms)
  ben = await network.member('ben', terms)
  policies = await Promise.all([
    seal(1),
    seal(2, toBob('a')),
    seal(2, toBob('b')),
    seal(2, toBob('c')),
    seal(3, toBob('a')),
    seal(3, toBob('b'))
  ])
})

/** What a disk would keep. */
class Memory implements PolicyStore {
  kept: Uint8Array | undefined
  isFull = false
  awaitedVersion = 0

  async awaited(): Promise<number> {
    return this.awaitedVersion
  }

  async load(): Promise<Uint8Array | undefined> {
    return this.kept
  }

  async save(bytes: Uint8Array): Promise<void> {
    if (this.isFull) throw new MeshError('STATE_UNREADABLE', 'The disk is full.')
    this.kept = bytes
  }
}

const keeperOf = (init: Partial<PolicyKeeperInit> = {}): PolicyKeeper =>
  new PolicyKeeper({
    networkKey: network.networkKey,
    signaturesNeeded: () => 1,
    store: new Memory(),
    now: () => nowMs,
    ...init
  })

const someone = (name: string, peerId = name): Subject => ({ name, peerId, groups: [] })

const asks = (keeper: PolicyKeeper, service = 'web') => keeper.decide(someone('bob'), someone('alice'), service, [])

describe('without a policy', () => {
  it('members may use what a node serves, and the answer says by which rule', () => {
    const keeper = keeperOf()
    expect(asks(keeper)).toEqual({ allowed: true, rule: 'no policy: members may use what this node serves' })
    expect(keeper.status()).toEqual({ state: 'none', version: 0, signers: [], hasFork: false, warnings: [] })
    expect([keeper.digest(), keeper.version(), keeper.ids()]).toEqual([new Uint8Array(32), 0, []])
  })
})

describe('a policy that arrives', () => {
  it('is in force at once, on disk, and told of', async () => {
    const store = new Memory()
    const keeper = keeperOf({ store })
    const heard: boolean[] = []
    const stop = keeper.onChange(() => heard.push(asks(keeper, 'ssh').allowed))
    const bytes = await seal(4)
    expect(await keeper.accept(bytes)).toBe(true)
    expect(asks(keeper)).toEqual({ allowed: true, rule: 'policy 4: grant 1, line 1: from bob to alice', line: 1 })
    expect(asks(keeper, 'ssh').allowed).toBe(false)
    expect(store.kept).toEqual(bytes)
    expect(heard).toEqual([false])
    stop()
    await keeper.accept(await seal(5))
    expect(heard).toHaveLength(1)
  })

  it('is an item of replication, under the SHA-256 of its bytes', async () => {
    const keeper = keeperOf()
    const bytes = await seal(4)
    await keeper.accept(bytes)
    const id = createHash('sha256').update(bytes).digest()
    expect([keeper.kind, keeper.mostBytes, keeper.version(), keeper.ids()]).toEqual([
      'policy',
      limits.policyBytes,
      4,
      [id]
    ])
    expect(keeper.get(id)).toEqual(bytes)
    expect(keeper.get(new Uint8Array(32))).toBeUndefined()
    expect(keeper.digest()).toHaveLength(32)
  })

  it('has one digest whoever signed it, so that nobody asks for other signatures', async () => {
    const document = { source: toBob('web'), version: 4, issuedMs: nowMs, networkKey: network.networkKey }
    const one = await sealPolicy(document, ann.privateKey, ann.chain)
    const two = await addPolicySignature(one, network.networkKey, ben.privateKey, ben.chain)
    const [a, b] = [keeperOf(), keeperOf({ signaturesNeeded: () => 2 })]
    await a.accept(one)
    await expect(b.accept(one)).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
    await b.accept(two)
    expect(a.digest()).toEqual(b.digest())
    expect(b.status().signers.map(({ name }) => name)).toEqual(['ann', 'ben'])
    expect(await a.accept(two)).toBe(false)
  })

  it('is refused where it is older, and nothing changes', async () => {
    const keeper = keeperOf()
    await keeper.accept(await seal(4, toBob('api')))
    const [before, told] = [keeper.status(), [] as string[]]
    keeper.onChange(() => told.push('changed'))
    await expect(keeper.accept(await seal(3))).rejects.toMatchObject({
      code: 'POLICY_OUTDATED',
      message: 'Version 3 of the policy is older than 4.'
    })
    expect(await keeper.accept(await seal(4, toBob('api')))).toBe(false)
    expect([keeper.status(), told]).toEqual([before, []])
  })

  it.each([
    ['from the future', async () => seal(9, toBob('web'), nowMs + limits.clockToleranceMs + 1), 'POLICY_REFUSED'],
    ['in a language of later', async () => seal(9, 'version: 2\ngrants: []'), 'POLICY_INVALID'],
    [
      'of no admin',
      async () =>
        sealPolicy(
          { source: toBob('web'), version: 9, issuedMs: nowMs, networkKey: network.networkKey },
          ann.privateKey,
          []
        ),
      'POLICY_REFUSED'
    ],
    ['of nonsense', async () => Uint8Array.of(1, 2, 3), 'POLICY_REFUSED']
  ])('is refused %s, and the last good one stays', async (_what, make, code) => {
    const keeper = keeperOf()
    await keeper.accept(await seal(4))
    await expect(keeper.accept(await make())).rejects.toMatchObject({ code })
    expect(keeper.version()).toBe(4)
    expect(asks(keeper).allowed).toBe(true)
  })

  it('is refused from a revoked admin; the one that it signed before stays', async () => {
    const revoked = new Set<string>()
    const keeper = keeperOf({ isRevoked: ({ name }) => revoked.has(name) })
    await keeper.accept(await sealByAnn(4))
    revoked.add('ann')
    await expect(keeper.accept(await sealByAnn(5))).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
    expect(keeper.version()).toBe(4)
  })

  it('is in force where the disk refuses it, with a warning', async () => {
    const store = new Memory()
    store.isFull = true
    const keeper = keeperOf({ store })
    expect(await keeper.accept(await seal(4))).toBe(true)
    expect(asks(keeper, 'ssh').allowed).toBe(false)
    expect(keeper.status().warnings).toEqual(['The policy is in force, but not on disk: The disk is full.'])
    store.isFull = false
    await keeper.accept(await seal(5))
    expect(keeper.status().warnings).toEqual([])
  })
})

describe('after a restart', () => {
  it('the newest of several that came at once is there, however slow the disk was', async () => {
    const store = new Memory()
    const write = store.save.bind(store)
    const pending: Array<() => void> = []
    store.save = async (bytes) => {
      await new Promise<void>((resolve) => pending.push(resolve))
      await write(bytes)
    }
    const keeper = keeperOf({ store })
    const both = Promise.all([keeper.accept(await seal(4)), keeper.accept(await seal(5))])
    // The last write to begin is the first that the disk gets to.
    const disk = (async () => {
      for (let written = 0; written < 2;) {
        await new Promise((resolve) => setImmediate(resolve))
        if (written === 0 && pending.length === 1) await new Promise((resolve) => setTimeout(resolve, 50))
        const next = pending.pop()
        if (next === undefined) continue
        next()
        written++
      }
    })()
    await Promise.all([both, disk])
    const again = keeperOf({ store })
    await again.load()
    expect(again.version()).toBe(5)
  })

  it('the last good policy is in force, whatever became of clock and signer', async () => {
    const store = new Memory()
    const document = { source: toBob('web'), version: 4, issuedMs: nowMs, networkKey: network.networkKey }
    await keeperOf({ store }).accept(await sealPolicy(document, ann.privateKey, ann.chain))
    const again = keeperOf({ store, now: () => 1, isRevoked: () => true })
    await again.load()
    expect(again.status()).toMatchObject({
      state: 'held',
      version: 4,
      warnings: [expect.stringContaining('pushed again')]
    })
    expect([asks(again).allowed, asks(again, 'ssh').allowed]).toEqual([true, false])
  })

  it('there is none where there was none', async () => {
    const keeper = keeperOf()
    await keeper.load()
    expect(keeper.status().state).toBe('none')
  })

  it.each([
    [
      'flipped bits',
      async (store: Memory) => void (store.kept = store.kept?.map((byte, i) => (i === 60 ? byte ^ 1 : byte)))
    ],
    ['a file cut short', async (store: Memory) => void (store.kept = store.kept?.subarray(0, 50))],
    [
      'a file that cannot be read',
      async (store: Memory) => void (store.load = async () => Promise.reject(new Error('EIO')))
    ]
  ])('%s deny everything, until a member brings a policy', async (_what, harm) => {
    const store = new Memory()
    await keeperOf({ store }).accept(await seal(4))
    await harm(store)
    const keeper = keeperOf({ store })
    await keeper.load()
    expect(asks(keeper)).toMatchObject({ allowed: false, rule: expect.stringContaining('damaged') })
    expect(keeper.status()).toMatchObject({ state: 'damaged', version: 0, warnings: [expect.stringMatching(/disk/)] })
    await keeper.accept(await seal(4))
    expect(asks(keeper).allowed).toBe(true)
    expect(keeper.status()).toMatchObject({ state: 'held', warnings: [] })
  })
})

const joined = async (version: number, init: Partial<PolicyKeeperInit> = {}) => {
  const store = new Memory()
  store.awaitedVersion = version
  const keeper = keeperOf({ store, ...init })
  await keeper.load()
  return { store, keeper }
}

describe('a member that joins a network with a policy', () => {
  it('allows nothing until a member has brought it, and refuses an older one', async () => {
    const { store, keeper } = await joined(4)
    expect(asks(keeper)).toMatchObject({ allowed: false, rule: expect.stringContaining('policy 4 has not come yet') })
    expect(keeper.status()).toMatchObject({ state: 'awaited', version: 0 })
    expect(keeper.newestKnown).toBe(4)
    await expect(keeper.accept(await seal(3))).rejects.toMatchObject({ code: 'POLICY_OUTDATED' })
    expect(asks(keeper).allowed).toBe(false)
    await keeper.accept(await seal(4))
    expect(asks(keeper).allowed).toBe(true)
    const again = keeperOf({ store })
    await again.load()
    expect(again.status()).toMatchObject({ state: 'held', version: 4 })
  })

  it('allows nothing where the signer was revoked since, until a policy is pushed again', async () => {
    const { keeper } = await joined(4, { isRevoked: ({ name }) => name === 'ann' })
    await expect(keeper.accept(await sealByAnn(4))).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
    expect(asks(keeper).allowed).toBe(false)
    await keeper.accept(await seal(5))
    expect(asks(keeper).allowed).toBe(true)
  })

  it('is warned of where the policy in force is one that nobody takes over any more', async () => {
    let isRevoked = false
    const keeper = keeperOf({ isRevoked: ({ name }) => isRevoked && name === 'ann' })
    await keeper.accept(await sealByAnn(4))
    expect(keeper.status().warnings).toEqual([])
    isRevoked = true
    keeper.successorsChanged()
    await expect.poll(() => keeper.status().warnings).toEqual([expect.stringContaining('pushed again')])
    await keeper.accept(await seal(5))
    expect(keeper.status().warnings).toEqual([])
  })
})

/** What a node says that saw the policies in this order. */
const receive = async (indexes: number[], isAtOnce: boolean): Promise<string> => {
  const keeper = keeperOf()
  const arrivals = indexes.map((index) => policies[index] ?? new Uint8Array())
  const accept = async (bytes: Uint8Array) => keeper.accept(bytes).catch(() => false)
  if (isAtOnce) await Promise.all(arrivals.map(accept))
  else for (const bytes of arrivals) await accept(bytes)
  const { version, hash, source, hasFork } = keeper.status()
  return JSON.stringify({ version, hash, source, hasFork })
}

describe('two policies of one version', () => {
  it('make a fork that is told of once, and that a higher version ends', async () => {
    const forks: PolicyFork[] = []
    const keeper = keeperOf({ onFork: (fork) => forks.push(fork) })
    const [a, b] = [await seal(4, toBob('a')), await seal(4, toBob('b'))]
    const first = await keeper.accept(a)
    const second = await keeper.accept(b)
    expect([first, await keeper.accept(a), await keeper.accept(b)]).toEqual([true, false, false])
    expect(keeper.status().hasFork).toBe(true)
    expect(forks).toHaveLength(1)
    expect(forks[0]?.winner).toBe(keeper.status().hash)
    expect(second).toBe(forks[0]?.winner === Buffer.from(keeper.digest()).toString('hex') && asks(keeper, 'b').allowed)
    await keeper.accept(await seal(5))
    expect(keeper.status().hasFork).toBe(false)
  })

  it('end with the same one in whatever order they come, one by one or at once', async () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 })
    const expected = await receive([0, 1, 2, 3, 4, 5], false)
    expect(JSON.parse(expected)).toMatchObject({ version: 3, hasFork: true })
    await fc.assert(
      fc.asyncProperty(order, fc.boolean(), async (indexes, isAtOnce) => {
        expect(await receive(indexes, isAtOnce)).toBe(expected)
      }),
      { numRuns: 200 }
    )
  })
})

describe('a succession', () => {
  it('moves grants of the policy in force, and is told of', async () => {
    const successors = new Map<string, string>()
    const keeper = keeperOf({ successors: () => successors })
    const [old, next] = [ann.peerId.toString(), ben.peerId.toString()]
    await keeper.accept(await seal(4, `grants: [{from: ${old}, to: alice, services: web}]`))
    const may = (peerId: string) => keeper.decide(someone('x', peerId), someone('alice'), 'web', []).allowed
    expect([may(old), may(next)]).toEqual([true, false])
    let told = 0
    keeper.onChange(() => told++)
    successors.set(old, next)
    keeper.successorsChanged()
    expect([may(old), may(next), told]).toEqual([false, true, 1])
  })
})
