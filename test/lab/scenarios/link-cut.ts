import { pause, until, untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { Requests } from '../harness/requests.ts'
import { Talk } from '../harness/talk.ts'

const worksMs = 15_000
/** Of one request: dial, opening and answer have their own deadlines, and a client gives up after 75 s. */
const hangsMs = 30_000

const cut = async (scene: Scene, who: string, from: Member, to: Member, seconds: number): Promise<void> => {
  const what = `${who}, cut for ${seconds} s`
  const path = await from.path(to)
  const talk = await Talk.open(from, to)
  const requests = new Requests(from, to)
  scene.onEnd(() => {
    requests.stop()
    talk.stop()
  })
  await requests.firstAnswer(performance.now(), worksMs)
  const served = to.echo.openCount
  to.host.cut()
  await pause(seconds * 1_000)
  to.host.restore()
  const backMs = performance.now()
  scene.noteMs(`${what} (${path}): a new tunnel after the return`, await requests.firstAnswer(backMs, worksMs), worksMs)
  const settledMs = await until(() => !talk.isRunning || talk.lastMs > backMs, worksMs)
  const ending = talk.isRunning ? 'survived' : `failed with ${talk.code}`
  scene.note(
    `${what}: the tunnel that ran`,
    settledMs === undefined ? 'hangs' : ending,
    'survives, or fails with a code',
    settledMs !== undefined && !talk.isWrong && (talk.isRunning || /^[A-Z_]+$/.test(talk.code ?? ''))
  )
  requests.stop()
  scene.noteMs(`${what}: the longest request (failed: ${requests.codes()})`, requests.longestMs(), hangsMs)
  scene.note(`${what}: answers of others`, `${requests.wrong.length}`, 'none', requests.wrong.length === 0)
  talk.stop()
  const emptyMs = await until(() => to.echo.openCount === 0, hangsMs)
  scene.note(
    `${what}: tunnels left at the service (of ${served})`,
    `${to.echo.openCount}`,
    'none',
    emptyMs !== undefined
  )
}

export const linkCut: Scenario = {
  about: 'The cable of an agent is cut while a tunnel carries data, and comes back.',
  needs: [],
  run: async (scene) => {
    const { lab, network } = scene
    const hub = await network.up('hub', lab.addHost('hub', '5.5.5.1'))
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2', 'port-restricted'), { bootstrap: [hub] })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3'), { bootstrap: [hub] })
    const carol = await network.up('carol', lab.addHost('carol', '5.5.5.4', 'port-restricted'), { bootstrap: [hub] })
    await untilPath(alice, bob, ['direct'])
    await untilPath(alice, carol, ['punched'])
    for (const seconds of scene.isFull ? [5, 60] : [5]) {
      await cut(scene, 'a public agent', alice, bob, seconds)
      await cut(scene, 'an agent behind a NAT', alice, carol, seconds)
    }
  }
}
