/**
 * While a fifth of the nodes is replaced each minute, 99 % of the lookups find who is there, 99 % of them within 3 s, and
 * no tunnel between nodes that stay breaks.
 */
import { afterEach, expect, it } from 'vitest'
import { seededRandom, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { atRest, createCrowd } from './harness/crowd.ts'
import { Conversation, startEcho, type Echo } from './harness/echo.ts'
import { inForm } from './harness/form.ts'
import { describeLookups, lookUp, published, quantile, settled, until, type LookupReport } from './harness/overlay.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
const { nodes, stable, runMs } = inForm({
  short: { nodes: 12, stable: 8, runMs: 40_000 },
  full: { nodes: 20, stable: 10, runMs: 600_000 }
})
/** A fifth of all per minute; half of them are replaced by new members, half return. */
const everyMs = 60_000 / (nodes / 5)

let mesh: TestMesh | undefined
const echoes: Echo[] = []
const conversations: Conversation[] = []
afterEach(async () => {
  for (const conversation of conversations.splice(0)) conversation.stop()
  for (const echo of echoes.splice(0)) echo.close()
  await mesh?.close()
}, 120_000)

const capabilityOf = (name: string): string => `work/of-${name}`

it(`${nodes} nodes of which a fifth is replaced each minute (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  mesh = await createCrowd(nodes, (index) => ({ capabilities: [capabilityOf(`node-${index}`)] }))
  const { members } = mesh
  const staying = members.slice(0, stable)
  const living = new Set(members)
  await settled(members, 120_000)
  await published(members, 60_000)
  await atRest()
  for (const { name, node } of staying) {
    const echo = await startEcho(name)
    echoes.push(echo)
    await node.serve('echo', { address: echo.address })
  }
  for (const [index, from] of staying.entries()) {
    const to = staying[(index + 1) % stable]
    if (to !== undefined) conversations.push(await Conversation.start(from, to.name))
  }

  const reports: LookupReport[] = []
  /** From the start of a node to the record that others hold. */
  const comings: number[] = []
  let events = 0
  const startedMs = performance.now()
  const change = async ({ add }: TestMesh): Promise<void> => {
    const gone = random.pick([...living].filter((member) => !staying.includes(member)))
    living.delete(gone)
    await gone.kill()
    const isBack = events++ % 2 === 0
    const name = `n${events}`
    // somebody who stays is whom a newcomer starts from
    const come = async (): Promise<MeshMember> => {
      if (!isBack) return add(name, { capabilities: [capabilityOf(name)], bootstrap: [random.pick(staying)] })
      await gone.restart()
      return gone
    }
    const comingMs = performance.now()
    const member = await come()
    await published([member], 60_000)
    comings.push(performance.now() - comingMs)
    living.add(member)
  }
  let changing: Promise<void> = Promise.resolve()
  while (performance.now() - startedMs < runMs) {
    if (performance.now() - startedMs >= events * everyMs) {
      await changing
      changing = change(mesh)
    }
    const wanted = random.pick([...living].filter(({ name }) => name !== 'node-0'))
    const report = await lookUp([
      { from: random.pick(staying), capability: capabilityOf(wanted.name), expected: [wanted.name] }
    ])
    // it may have been killed meanwhile, which is nobody's fault
    if (living.has(wanted)) reports.push(report)
  }
  await changing

  for (const conversation of conversations) conversation.pause()
  await until(async () => conversations.every(({ open }) => open === 0), 10_000)
  const all: LookupReport = {
    found: reports.reduce((sum, { found }) => sum + found, 0) / reports.length,
    times: reports.flatMap(({ times }) => times),
    misses: reports.flatMap(({ misses }) => misses)
  }
  const answers = conversations.reduce((sum, one) => sum + one.answers, 0)
  console.log(
    `${nodes} nodes, ${events} replaced in ${runMs / 1000} s, published after ` +
      `${(quantile(comings, 0.5) / 1000).toFixed(1)} s (longest ${(quantile(comings, 1) / 1000).toFixed(1)} s): ` +
      `${describeLookups(all)}; ` +
      `${conversations.length} tunnels between nodes that stay gave ${answers} answers`
  )
  expect(conversations.flatMap(({ faults }) => faults)).toEqual([])
  expect(all.found, all.misses.join('\n')).toBeGreaterThanOrEqual(0.99)
  expect(all.times.filter((ms) => ms > 3_000).length / all.times.length).toBeLessThanOrEqual(0.01)
}, 1_200_000)
