import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyChain } from '@agent-mesh/identity'
import { createTestNetwork, seededRandom } from '@agent-mesh/testkit'
import { syncTopic } from '@agent-mesh/wire'
import {
  connect,
  gossiping,
  startMember,
  stopMembers,
  until,
  type SyncMember
} from '../../packages/control-plane/test/replication/member.ts'
import { waitedForProcessorMs } from '../guards/harness/waited.ts'

const count = 50
/** Each member dials so many of those before it, so that it has about twice as many neighbours. */
const dials = 3
const documentBytes = 20 * 1024
/** What its author says of when all held it, which `policy status` shows, against when they did. */
const toleranceMs = 250
const seed = Number(process.env['MESH_SEED'] ?? 1)
const members: SyncMember[] = []

beforeAll(async () => {
  const network = await createTestNetwork()
  const random = seededRandom(seed)
  for (let index = 0; index < count; index++) {
    const member = await startMember(network, `member-${index}`)
    for (const other of random.shuffle(members).slice(0, dials)) await connect(member, other)
    members.push(member)
  }
  // as records teach it to members that never meet
  for (const { host } of members) {
    for (const { member } of members) {
      const membership = await verifyChain(member.chain, network.networkKey, Date.now())
      if (!member.peerId.equals(host.libp2p.peerId)) host.libp2p.services.admission.learn(membership)
    }
  }
  await gossiping(members, network, 60_000)
  // a mesh that stands: all that met have compared, and everybody has a place in the mesh of the topic
  const topic = syncTopic(network.networkId)
  await until(() => {
    const neighbours = members.map(({ host }) => host.libp2p.services.admission.members().length)
    const links = neighbours.reduce((sum, one) => sum + one, 0) / 2
    const isPlaced = members.every(({ host }, index) => {
      // the type of the service hides what its class shows
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const gossip = host.libp2p.services.pubsub as unknown as { getMeshPeers: (topic: string) => string[] }
      return gossip.getMeshPeers(topic).length >= Math.min(2, neighbours[index] ?? 0)
    })
    return isPlaced && members.reduce((sum, { syncs }) => sum + syncs.length, 0) >= links
  }, 60_000)
}, 400_000)
afterAll(stopMembers, 60_000)

const quantile = (sorted: number[], share: number): string =>
  (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)

describe(`fifty members in one process (seed ${seed})`, () => {
  it('all hold a changed document of 20 KiB within two seconds, its author knows, and the output says when', async () => {
    const random = seededRandom(seed)
    const allHeldMs: number[] = []
    for (let round = 1; round <= 5; round++) {
      const author = random.pick(members)
      const heldMs = new Map<SyncMember, number>()
      author.document.write(round, documentBytes)
      const cpu = process.cpuUsage()
      const waitedMs = waitedForProcessorMs()
      const startedMs = performance.now()
      const wallMs = Date.now()
      author.replication.announce('document')
      await until(() => {
        for (const member of members)
          if (member.document.version() === round && !heldMs.has(member))
            heldMs.set(member, performance.now() - startedMs)
        return heldMs.size === count
      }, 60_000)
      const { user, system } = process.cpuUsage(cpu)
      // what other programs took of the machine is not what the mesh needs
      const othersMs = waitedForProcessorMs() - waitedMs
      allHeldMs.push(Math.max(...heldMs.values()) - othersMs)
      const times = [...heldMs.values()].toSorted((a, b) => a - b)
      const holders = (): number[] =>
        author.replication
          .holders('document')
          .filter(({ version }) => version === round)
          .map(({ sinceMs }) => sinceMs - wallMs)
      await until(() => holders().length === count - 1, 20_000)
      console.log(
        `round ${round}: held by half after ${quantile(times, 0.5)} ms, by all after ${quantile(times, 1)} ms; ` +
          `its author has heard so of all after ${Math.max(...holders())} ms; ` +
          `processor time until all held it ${((user + system) / 1000).toFixed(0)} ms, ` +
          `other programs had the processor for ${othersMs.toFixed(0)} ms`
      )
      expect(Math.abs(Math.max(...holders()) - Math.max(...heldMs.values()))).toBeLessThan(toleranceMs + othersMs)
      await until(
        () => members.every(({ replication }) => replication.holders('document').length === count - 1),
        20_000
      )
    }
    // the first one too, in which nothing is warm
    expect(Math.max(...allHeldMs)).toBeLessThanOrEqual(2_000)
    expect(members.flatMap(({ failures }) => failures)).toEqual([])
  }, 200_000)
})
