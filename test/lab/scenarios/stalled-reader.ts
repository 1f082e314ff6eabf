import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { digestOf, seededSha256 } from '../../e2e/harness/seeded-bytes.ts'
import { pause, until, untilPath, type Scenario, type Scene } from '../harness/scene.ts'
import type { Member } from '../harness/member.ts'
import { SourceService } from '../harness/source-service.ts'
import { Talk } from '../harness/talk.ts'

const MiB = 1024 * 1024
/** By then a transfer is under way, and its window has grown. */
const warmBytes = 32 * MiB
const mostGrowthBytes = 64 * MiB
/** While a reader stands still, others are answered at least once in this time. */
const mostSilentMs = 2_000
const seed = Number(process.env['MESH_SEED'] ?? 1)

const serveSource = async (scene: Scene, member: Member, name: string, sizeBytes: number): Promise<SourceService> => {
  const source = await SourceService.listen(join(scene.folder, `${name}.sock`), seed, sizeBytes)
  scene.onEnd(() => source.close())
  await member.client.serve(name, { address: source.address, capabilities: [] })
  return source
}

export const stalledReader: Scenario = {
  about: 'A reader behind a relay stops in the middle of a transfer, and goes on later.',
  needs: [],
  run: async (scene) => {
    const { lab, network } = scene
    const [sizeBytes, stallSeconds] = scene.isFull ? [1024 * MiB, 60] : [128 * MiB, 10]
    const relay = await network.up('relay', lab.addHost('relay', '5.5.5.1'))
    const bootstrap = [relay]
    const alice = await network.up('alice', lab.addHost('alice', '5.5.5.2', 'symmetric'), { bootstrap })
    const bob = await network.up('bob', lab.addHost('bob', '5.5.5.3', 'symmetric'), { bootstrap })
    await serveSource(scene, alice, 'warm', warmBytes)
    const source = await serveSource(scene, alice, 'source', sizeBytes)
    await untilPath(bob, alice, ['relayed'])
    // What a first transfer takes for good is not what a stopped reader costs.
    await digestOf(await bob.client.connect(`${alice.peerId}/warm`, { signal: AbortSignal.timeout(60_000) }))
    const talk = await Talk.open(bob, alice)
    scene.onEnd(() => talk.stop())
    const before = new Map(network.members.map((member) => [member, member.rssBytes]))
    const growth = new Map(network.members.map((member) => [member, 0]))
    const tunnel = await bob.client.connect(`${alice.peerId}/source`, { signal: AbortSignal.timeout(30_000) })
    const hash = createHash('sha256')
    let readBytes = 0
    const read = (chunk: Uint8Array): void => {
      hash.update(chunk)
      readBytes += chunk.length
    }
    tunnel.on('data', read)
    const isUnderWay = await until(() => readBytes >= warmBytes, 60_000, 10)
    tunnel.pause()
    if (isUnderWay === undefined) throw new Error(`Only ${readBytes} bytes came in a minute.`)
    const sent: number[] = []
    let silentMs = 0
    for (let second = 0; second < stallSeconds; second++) {
      await pause(1_000)
      sent.push(source.sentBytes)
      silentMs = Math.max(silentMs, performance.now() - talk.lastMs)
      for (const [member, rssBytes] of before)
        growth.set(member, Math.max(growth.get(member) ?? 0, member.rssBytes - rssBytes))
    }
    const mostSent = sent.at(-1) ?? 0
    const isStopped = mostSent > 0 && mostSent < sizeBytes && new Set(sent.slice(-5)).size === 1
    scene.note(
      `the sender, after ${stallSeconds} s without a reader`,
      `${(mostSent / MiB).toFixed(1)} of ${sizeBytes / MiB} MiB`,
      'stopped',
      isStopped
    )
    for (const [{ name }, grownBytes] of growth)
      scene.note(
        `memory of ${name}`,
        `${Math.round(grownBytes / MiB)} MiB more`,
        `at most ${mostGrowthBytes / MiB} MiB`,
        grownBytes <= mostGrowthBytes
      )
    const isTalking = talk.isRunning && !talk.isWrong
    scene.note('another tunnel meanwhile', isTalking ? 'went on' : (talk.code ?? 'wrong bytes'), 'goes on', isTalking)
    scene.noteMs('another tunnel meanwhile: longest silence', silentMs, mostSilentMs)
    const ended = once(tunnel, 'end', { signal: AbortSignal.timeout(300_000) })
    tunnel.resume()
    await ended
    const isExact = hash.digest('hex') === seededSha256(seed, sizeBytes)
    scene.note('what came in the end', isExact ? 'exact' : 'other bytes', 'exact', isExact)
    const path = await bob.path(alice)
    scene.note('the path', path, 'relayed', path === 'relayed')
  }
}
