import { pause, until, untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { Requests } from '../harness/requests.ts'

const offMs = 7_000
const backMs = 60_000

interface Hole {
  what: string
  from: Member
  to: Member
  /** Which it is to be on before, and again. */
  best: readonly string[]
  isOneWay?: boolean
}

const fallInto = async (scene: Scene, { what, from, to, best, isOneWay = false }: Hole): Promise<void> => {
  await untilPath(from, to, best)
  const requests = new Requests(from, to)
  scene.onEnd(() => requests.stop())
  await requests.firstAnswer(performance.now(), offMs)
  scene.lab.swallow(from.host, to.host)
  if (!isOneWay) scene.lab.swallow(to.host, from.host)
  const lostMs = performance.now()
  const ms = await requests.firstAnswer(lostMs + 500, offMs - 500)
  scene.noteMs(`${what}: a new tunnel, ${await from.path(to)}`, ms === undefined ? ms : ms + 500, offMs)
  await pause(scene.isFull ? 20_000 : 3_000)
  const stillMs = performance.now()
  scene.noteMs(`${what}: a new tunnel a while later`, await requests.firstAnswer(stillMs, offMs), offMs)
  scene.lab.heal()
  const healed = await until(async () => best.includes(await from.path(to)), backMs)
  scene.noteMs(`${what}: ${best.join(' or ')} again`, healed, backMs)
  requests.stop()
  scene.note(`${what}: failed requests`, requests.codes(), 'any, with a code', !requests.codes().includes('INTERNAL'))
}

export const blackHole: Scenario = {
  about: 'The best path drops packets without a word while a relay is there.',
  needs: ['walls'],
  run: async (scene) => {
    const { lab, network } = scene
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const bootstrap = [hub]
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2'), { bootstrap })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3', 'port-restricted'), { bootstrap })
    await fallInto(scene, { what: 'direct', from: alice, to: bob, best: ['direct', 'punched'] })
    if (!scene.isFull) return
    await fallInto(scene, {
      what: 'direct, one way',
      from: alice,
      to: bob,
      best: ['direct', 'punched'],
      isOneWay: true
    })
    const carol = await network.up('carol', lab.addHost('carol', '5.5.5.4', 'port-restricted'), { bootstrap })
    await fallInto(scene, { what: 'punched', from: carol, to: bob, best: ['punched', 'direct'] })
  }
}
