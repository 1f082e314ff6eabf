import type { Nat } from '@agent-mesh/testkit/lab'
import { untilPath, type Scenario } from '../harness/scene.ts'

const reachMs = 10_000
const bestMs = 30_000

const cells: ReadonlyArray<readonly [Nat, Nat, readonly string[]]> = [
  ['port-restricted', 'port-restricted', ['direct', 'punched']],
  ['symmetric', 'symmetric', ['relayed']],
  ['none', 'symmetric', ['direct']],
  ['full-cone', 'symmetric', ['direct', 'punched']],
  ['full-cone', 'port-restricted', ['direct', 'punched']],
  ['port-restricted', 'symmetric', ['relayed']]
]

export const udpBlocked: Scenario = {
  about: 'No UDP passes anywhere, and members reach each other as they do with it.',
  needs: ['faults'],
  run: async (scene) => {
    const { lab, network } = scene
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    hub.host.site.spoil({ blocked: ['udp'] })
    const bootstrap = [hub]
    for (const [at, [one, other, best]] of cells.slice(0, scene.isFull ? cells.length : 3).entries()) {
      const pair = [one, other].map((nat, place) => lab.addHost(`h${at}${place}`, `5.5.${at + 10}.${place + 1}`, nat))
      for (const { site } of pair) site.spoil({ blocked: ['udp'] })
      const members = []
      for (const host of pair) members.push(await network.up(host.name, host, { bootstrap }))
      const [from, to] = members
      if (from === undefined || to === undefined) continue
      const what = `${one} to ${other}`
      const any = await untilPath(from, to, ['direct', 'punched', 'webrtc', 'relayed'], reachMs).catch(() => undefined)
      scene.noteMs(`${what}: reached`, any, reachMs)
      const ms = await untilPath(from, to, best, bestMs).catch(() => undefined)
      scene.noteMs(`${what}: ${await from.path(to)}`, ms, bestMs)
      await Promise.all(members.map(async (member) => member.kill()))
    }
  }
}
