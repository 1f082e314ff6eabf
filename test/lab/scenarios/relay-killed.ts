import { until, untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { Requests } from '../harness/requests.ts'
import { Talk } from '../harness/talk.ts'

const againMs = 15_000

/** How many circuits of others a relay has open. */
const circuitsOf = async (relay: Member): Promise<number> =>
  Number(/^mesh_relay_circuits (\d+)/m.exec(await relay.client.metrics())?.[1] ?? 0)

const lose = async (
  scene: Scene,
  what: string,
  from: Member,
  to: Member,
  end: () => Promise<unknown>
): Promise<void> => {
  const talk = await Talk.open(from, to)
  const requests = new Requests(from, to)
  scene.onEnd(() => {
    requests.stop()
    talk.stop()
  })
  await requests.firstAnswer(performance.now(), againMs)
  await end()
  const lostMs = performance.now()
  scene.noteMs(
    `${what}: a new tunnel (failed: ${requests.codes()})`,
    await requests.firstAnswer(lostMs, againMs),
    againMs
  )
  const settled = await until(() => !talk.isRunning || talk.lastMs > lostMs + 1_000, 2 * againMs)
  scene.note(
    `${what}: the tunnel that ran`,
    settled === undefined ? 'hangs' : (talk.code ?? 'survived'),
    'ends with a code, or goes on',
    settled !== undefined && !talk.isWrong && (talk.isRunning || /^[A-Z_]+$/.test(talk.code ?? ''))
  )
  requests.stop()
  talk.stop()
}

export const relayKilled: Scenario = {
  about: 'The relay under a tunnel is killed, or the only relay there is starts again.',
  needs: [],
  run: async (scene) => {
    const { lab, network } = scene
    const first = await network.up('first', lab.addHost('first', '5.5.5.1'))
    const second = await network.up('second', lab.addHost('second', '5.5.5.2'), { bootstrap: [first] })
    const bootstrap = [first, second]
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.3', 'symmetric'), { bootstrap })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.4', 'symmetric'), { bootstrap })
    await untilPath(alice, bob, ['relayed'])
    const talk = await Talk.open(alice, bob)
    const [used, other] = (await circuitsOf(first)) > 0 ? [first, second] : [second, first]
    talk.stop()
    await lose(scene, 'one of two relays is killed', alice, bob, async () => used.kill())
    await untilPath(alice, bob, ['relayed'])
    await lose(scene, 'the only relay is killed and starts again', alice, bob, async () => {
      await other.kill()
      await other.start()
    })
  }
}
