import { generateKeyPair } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { beforeAll, expect, it } from 'vitest'
import { PolicyKeeper } from '@agent-mesh/control-plane'
import { sealPolicy, verifyChain, type Membership } from '@agent-mesh/identity'
import { createTestNetwork, type TestMember } from '@agent-mesh/testkit'
import { EventBus } from '../../src/daemon/event-bus.ts'
import { NodeRules } from '../../src/daemon/rules.ts'
import { stateFiles } from '../../src/state/documents.ts'
import { Identity } from '../../src/state/identity.ts'

const network = await createTestNetwork()
const { networkKey, networkId, rootKey } = network
const membershipOf = async ({ chain }: TestMember): Promise<Membership> => verifyChain(chain, networkKey, Date.now())
const key = await generateKeyPair('Ed25519')
const alice = await network.member('alice', { privateKey: key })
const delegate = await network.member('delegate', { mayAdmit: true })
const keeper = new PolicyKeeper({
  networkKey,
  signaturesNeeded: () => 1,
  store: { load: async () => undefined, save: async () => {} },
  now: Date.now
})

beforeAll(async () => {
  const source = 'grants:\n  - {from: "name:carol", to: "name:alice", services: web}\n'
  await keeper.accept(await sealPolicy({ source, version: 1, issuedMs: Date.now(), networkKey }, rootKey, []))
})

/** What the rules of alice say of the first of these members, all of whom are here. */
const mayOpen = async (...members: TestMember[]): Promise<boolean> => {
  const here = new Map<string, Membership>()
  for (const member of members) here.set(member.peerId.toString(), await membershipOf(member))
  const rules = new NodeRules({
    identity: new Identity(stateFiles('nowhere'), {
      key,
      networkKey,
      networkId,
      membership: await membershipOf(alice)
    }),
    admission: {
      has: (peer) => here.has(peer.toString()),
      membership: (peer) => here.get(peer.toString()),
      members: () => members.map(({ peerId }) => peerId),
      onRenewed: () => () => {}
    },
    book: { all: () => [], get: () => undefined },
    keeper,
    revocations: { find: () => undefined, list: () => [], onChange: () => () => {}, isRevoked: () => false },
    audit: { record: () => {} },
    events: new EventBus(pino({ level: 'silent' })),
    allow: () => undefined,
    capabilitiesOf: () => []
  })
  const [caller] = members
  if (caller === undefined) throw new Error('nobody asks')
  return rules.authorizer.mayOpen(caller.peerId, 'web', { metadata: [] }).allowed
}

it('lets a name grant nothing while two hold it by equal right; one from the root keeps it', async () => {
  const [first, second] = [
    await network.member('carol', { issuer: delegate }),
    await network.member('carol', { issuer: delegate })
  ]
  const rooted = await network.member('carol')
  const bob = await network.member('bob')
  expect(await mayOpen(first, bob)).toBe(true)
  expect(await mayOpen(bob, first)).toBe(false)
  expect(await mayOpen(first, second)).toBe(false)
  expect(await mayOpen(first, rooted)).toBe(false)
  expect(await mayOpen(rooted, first)).toBe(true)
})
