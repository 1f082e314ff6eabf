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

/** Everybody sees everybody else, alive and by the same record. */
const isOneView = async (members: readonly Member[]): Promise<boolean> => {
  const views = await Promise.all(members.map(viewOf))
  const isSame = (subject: Member): boolean => {
    const held = views.filter((_, at) => members[at] !== subject).map((view) => view.get(subject.peerId))
    return held.every((one) => one !== undefined && one === held[0] && !one.endsWith('false]'))
  }
  if (!members.every(isSame)) return false
  const states = await Promise.all(members.map(async (member) => (await member.client.status()).health))
  return states.every((health) => (health?.alive ?? 0) === members.length - 1)
}

const moves = async (scene: Scene, members: readonly Member[], what: string, move: () => void): Promise<void> => {
  const agreeMs = agreeWithin(scene)
  move()
  // It takes a moment until anybody notices, and until then all agree on what is not so any more.
  const noticed = await until(async () => !(await isOneView(members)), agreeMs, 250)
  const ms = await until(async () => isOneView(members), agreeMs, 250)
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
