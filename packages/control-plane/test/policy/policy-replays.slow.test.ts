import { expect, it } from 'vitest'
import { sealPolicy } from '@agent-mesh/identity'
import { createTestNetwork } from '@agent-mesh/testkit'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { PolicyKeeper } from '../../src/policy/policy-keeper.ts'

const nowMs = 1_790_000_000_000
const inForce = 40

it(`replayed, downgraded and foreign policies, whole or changed, take nobody's policy away: ${cases} of them, seed ${seed}`, async () => {
  const [network, foreign] = [await createTestNetwork(), await createTestNetwork()]
  const ann = await network.member('ann', { groups: ['admin'], notBeforeMs: nowMs - 1000 })
  const bob = await network.member('bob', { notBeforeMs: nowMs - 1000 })
  const documentOf = (version: number, text: string) => ({
    source: `grants: [{from: ${text}, to: alice, services: web}]`,
    version,
    issuedMs: nowMs - inForce + version,
    networkKey: network.networkKey
  })
  const older: Uint8Array[] = []
  for (let version = 1; version < inForce; version++)
    older.push(await sealPolicy(documentOf(version, 'members'), ann.privateKey, ann.chain))
  const held = await sealPolicy(documentOf(inForce, 'bob'), ann.privateKey, ann.chain)
  const strange: Uint8Array[] = [
    await sealPolicy(documentOf(inForce + 1, 'members'), bob.privateKey, bob.chain),
    await sealPolicy(documentOf(inForce + 1, 'members'), foreign.rootKey, []),
    await sealPolicy({ ...documentOf(inForce + 1, 'members'), networkKey: foreign.networkKey }, foreign.rootKey, []),
    await sealPolicy({ ...documentOf(inForce + 1, 'members'), issuedMs: nowMs + 1e9 }, ann.privateKey, ann.chain)
  ]
  const keeper = new PolicyKeeper({
    networkKey: network.networkKey,
    signaturesNeeded: () => 1,
    store: { load: async () => undefined, save: async () => {} },
    now: () => nowMs
  })
  await keeper.accept(held)
  const before = JSON.stringify(keeper.status())
  const random = seededRandom(seed)
  const pool: [Uint8Array, ...Uint8Array[]] = [held, ...older, ...strange]
  let taken = 0
  for (let index = 0; index < cases; index++) {
    const one = random.pick(pool)
    const bytes = index % 4 === 0 ? one : mutate(index % 4 === 1 ? held : one, random)
    if (await keeper.accept(bytes).catch(() => false)) taken++
  }
  expect(taken).toBe(0)
  expect(JSON.stringify(keeper.status())).toBe(before)
}, 400_000)
