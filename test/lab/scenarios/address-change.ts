import { untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { Requests } from '../harness/requests.ts'

const reachableMs = 15_000

const move = async (scene: Scene, what: string, from: Member, to: Member, change: () => void): Promise<void> => {
  const path = await from.path(to)
  const requests = new Requests(from, to)
  scene.onEnd(() => requests.stop())
  await requests.firstAnswer(performance.now(), reachableMs)
  change()
  const movedMs = performance.now()
  const ms = await requests.firstAnswer(movedMs, reachableMs)
  requests.stop()
  scene.noteMs(`${what}: ${path} before, ${await from.path(to)} after (failed: ${requests.codes()})`, ms, reachableMs)
  scene.note(`${what}: answers of others`, `${requests.wrong.length}`, 'none', requests.wrong.length === 0)
}

export const addressChange: Scenario = {
  about: 'An agent takes another address, and is reached by the same peer id.',
  needs: [],
  run: async (scene) => {
    const { lab, network } = scene
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const bootstrap = [hub]
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2', 'port-restricted'), { bootstrap })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3'), { bootstrap })
    const carol = await network.up('carol', lab.addHost('carol', '5.5.5.4', 'port-restricted'), { bootstrap })
    await untilPath(alice, bob, ['direct'])
    await untilPath(alice, carol, ['punched'])
    await move(scene, 'a public agent', alice, bob, () => bob.host.site.moveTo('5.77.0.3'))
    // Who took its place is a member, and not the one that was asked for.
    const dave = await network.up('dave', lab.addHost('dave', '5.5.5.3'), { bootstrap })
    await untilPath(alice, dave, ['direct'])
    await move(scene, 'the NAT of an agent', alice, carol, () => carol.host.site.moveTo('5.77.0.4'))
    await untilPath(alice, carol, ['punched'])
    await move(scene, 'an agent behind its NAT', alice, carol, () => carol.host.readdress('10.0.0.77'))
    if (!scene.isFull) return
    await untilPath(alice, bob, ['direct'])
    await move(scene, 'the agent that calls', alice, bob, () => alice.host.site.moveTo('5.88.0.2'))
    await move(scene, 'a public agent, once more', alice, bob, () => bob.host.site.moveTo('5.99.0.3'))
  }
}
