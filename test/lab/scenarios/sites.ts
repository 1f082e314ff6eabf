import type { LabHost } from '@agent-mesh/testkit/lab'
import { until, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'

/** Twelve nodes on two cores that others use as well take longer; the whole form has the machine for itself. */
const agreeWithin = ({ isFull }: Scene): number => (isFull ? 30_000 : 60_000)
const capability = 'x-lab/site'

/** What one member holds of each other one: where it is, by which record, and whether it can be used. */
const viewOf = async (observer: Member): Promise<Map<string, string>> => {
  const { candidates } = await observer.client.find({ query: capability, limit: 32 })
  return new Map(
    candidates.map(({ peerId, addresses, recordExpiresMs, standing }) => [
      peerId,
      JSON.stringify([addresses.toSorted(), recordExpiresMs, standing?.isUsable])
    ])
  )
}

/** Where members differ in what they see of each other: nothing once all see all alive, by the same records. */
const differences = async (members: readonly Member[]): Promise<string[]> => {
  const views = await Promise.all(members.map(viewOf))
  const states = await Promise.all(members.map(async (member) => (await member.client.status()).health))
  const found: string[] = []
  for (const subject of members) {
    const held = new Map<string, string[]>()
    for (const [at, { name }] of members.entries()) {
      if (name === subject.name) continue
      const seen = views[at]?.get(subject.peerId) ?? 'nothing'
      held.set(seen, [...(held.get(seen) ?? []), name])
    }
    const isSame = held.size === 1 && ![...held.keys()].some((seen) => seen === 'nothing' || seen.endsWith('false]'))
    if (!isSame) for (const [seen, who] of held) found.push(`${subject.name} as ${who.join()} see it: ${seen}`)
  }
  for (const [at, { name }] of members.entries()) {
    const alive = states[at]?.alive ?? 0
    if (alive !== members.length - 1) found.push(`${name} sees ${alive} alive`)
  }
  return found
}

const isOneView = async (members: readonly Member[]): Promise<boolean> => (await differences(members)).length === 0

const moves = async (scene: Scene, members: readonly Member[], what: string, move: () => void): Promise<void> => {
  const agreeMs = agreeWithin(scene)
  move()
  // It takes a moment until anybody notices, and until then all agree on what is not so any more.
  const noticed = await until(async () => !(await isOneView(members)), agreeMs, 250)
  const ms = await until(async () => isOneView(members), agreeMs, 250)
  if (ms === undefined) process.stderr.write(`${(await differences(members)).join('\n')}\n`)
  const seen = ms === undefined ? undefined : ms + (noticed ?? 0)
  scene.noteMs(`${what}: one view of ${members.length} members and their records`, seen, agreeMs)
}

export const sites: Scenario = {
  about: 'Four sites of three nodes with different NATs and MTUs: one of them moves to other addresses.',
  needs: [],
  run: async (scene) => {
    const { lab, network } = scene
    const settings = `mdns: false\ncapabilities: [${capability}]\n`
    const open = ['1', '2', '3'].map((last) => lab.addHost(`a${last}`, `5.10.0.${last}`))
    const home = lab.addSite('home', '5.20.0.1', 'port-restricted')
    const office = lab.addSite('office', '5.30.0.1', 'symmetric')
    const cloud = lab.addSite('cloud', '5.40.0.1', 'full-cone')
    const behind: Array<[string, LabHost[]]> = Object.entries({ b: home, c: office, d: cloud }).map(
      ([letter, site]) => [letter, ['1', '2', '3'].map((last) => site.addHost(`${letter}${last}`))]
    )
    home.setMtu(1_400)
    office.setMtu(1_280)

    const [first, ...others] = open
    if (first === undefined) throw new Error('There is no public host.')
    const bootstrap = [await network.up(first.name, first, { settings })]
    for (const host of others) bootstrap.push(await network.up(host.name, host, { settings, bootstrap }))
    for (const [, hosts] of behind)
      await Promise.all(hosts.map(async (host) => network.up(host.name, host, { settings, bootstrap })))
    const { members } = network
    const agreeMs = agreeWithin(scene)
    scene.noteMs('from the start of the last node', await until(async () => isOneView(members), agreeMs, 250), agreeMs)
    await moves(scene, members, 'a NAT with three nodes moves', () => home.moveTo('5.21.0.1'))
    if (!scene.isFull) return
    await moves(scene, members, 'a symmetric NAT with three nodes moves', () => office.moveTo('5.31.0.1'))
    await moves(scene, members, 'a public relay moves', () => others[0]?.site.moveTo('5.11.0.2'))
  }
}
