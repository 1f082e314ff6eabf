import { afterEach, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { HealthNews } from '@agent-mesh/wire'
import { gossipScore } from '../guards/harness/gossip-score.ts'

/** From here on nothing of a peer is read. */
const graylisted = -80

let mesh: TestMesh

afterEach(async () => mesh.close())

const topicOf = ({ host }: MeshMember): string => {
  const topic = host()
    .services.pubsub.getTopics()
    .find((one) => one.endsWith('/health/1.0.0'))
  if (topic === undefined) throw new Error('a node listens to health')
  return topic
}

/** Neighbours to whom a member sends what is said of health. */
const meshOf = (member: MeshMember): ReadonlySet<string> => {
  const topics: unknown = Reflect.get(member.host().services.pubsub, 'mesh')
  const peers: unknown = topics instanceof Map ? topics.get(topicOf(member)) : undefined
  if (!(peers instanceof Set)) throw new TypeError('gossipsub keeps its mesh elsewhere')
  return new Set([...peers].map(String))
}

const states = async ({ node }: MeshMember): Promise<string[]> =>
  (await node.peers()).map(({ name, health }) => `${name} ${health?.state ?? 'unknown'}`).toSorted()

/** The next digest of a member, as it travels. */
const digestOf = async ({ host }: MeshMember, author: string): Promise<Uint8Array<ArrayBuffer>> => {
  const { promise, resolve } = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
  host().services.pubsub.addEventListener('message', ({ detail }) => {
    if (!('from' in detail) || detail.from.toString() !== author || !detail.topic.endsWith('/health/1.0.0')) return
    const { digest } = HealthNews.decode(new Uint8Array(detail.data))
    if (digest.length > 0) resolve(digest)
  })
  return promise
}

const news = (digest: Uint8Array<ArrayBuffer>, at: number): Uint8Array =>
  HealthNews.encode({ digest, claims: [], timeMs: Date.now(), incarnation: Date.now(), sequence: at })

it('a member that spreads invalid digests is scored down and pruned by its neighbours, and nobody else is', async () => {
  mesh = await createMesh(['alice', 'bob', 'carol', 'mallory'])
  const [alice, bob, carol, mallory] = mesh.members
  if (alice === undefined || bob === undefined || carol === undefined || mallory === undefined)
    throw new Error('too few')
  const honest = [alice, bob, carol]
  const bad = mallory.node.ready.peerId
  for (const one of honest)
    await vi.waitFor(() => expect([...meshOf(one)]).toContain(bad), { timeout: 20_000, interval: 50 })
  for (const one of mesh.members)
    await vi.waitFor(
      async () => expect((await states(one)).filter((state) => state.endsWith(' alive'))).toHaveLength(3),
      {
        timeout: 20_000,
        interval: 100
      }
    )
  // another member's digest as its own, one that was changed on the way, and noise
  const [foreign, own] = await Promise.all([digestOf(mallory, bob.node.ready.peerId), digestOf(alice, bad)])
  const changed = own.with(own.length - 1, (own.at(-1) ?? 0) ^ 1)
  const { pubsub } = mallory.host().services
  for (let at = 0; at < 4; at++) {
    await pubsub.publish(topicOf(mallory), news(foreign, 3 * at))
    await pubsub.publish(topicOf(mallory), news(changed, 3 * at + 1))
    await pubsub.publish(topicOf(mallory), new Uint8Array(64).fill(at + 1))
  }
  for (const one of honest) {
    await vi.waitFor(() => expect(gossipScore(one, bad)).toBeLessThan(graylisted), { timeout: 20_000, interval: 50 })
    await vi.waitFor(() => expect([...meshOf(one)]).not.toContain(bad), { timeout: 20_000, interval: 50 })
    for (const other of honest)
      if (other !== one) expect(gossipScore(one, other.node.ready.peerId)).toBeGreaterThanOrEqual(0)
  }
  // the others go on, and whoever is not believed is still alive
  await digestOf(alice, bob.node.ready.peerId)
  for (const one of honest) expect((await states(one)).every((state) => state.endsWith(' alive'))).toBe(true)
}, 120_000)
