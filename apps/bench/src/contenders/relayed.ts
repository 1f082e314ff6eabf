import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, down, fieldOf, up, verb } from '../command.ts'
import { finish, until } from '../program.ts'
import type { Contender } from './contender.ts'
import type { Middle, Place } from '../place/place.ts'
import type { ChildProcess } from 'node:child_process'

/** Why there is nobody between the two sides; undefined where there is. */
export const whyNoMiddle = ({ middle }: Place): string | undefined =>
  middle === undefined ? 'a host between the two needs namespaces' : undefined

/** @throws Error where there is none */
export const middleOf = ({ middle }: Place): Middle => {
  if (middle === undefined) throw new Error('there is no host between the two')
  return middle
}

/** Nobody else is there to share with, so what one member may use of a relay is set to all of it. */
const relaying = 'mdns: false\nrelay: { serve: on, rate_per_member: 64GiB, hourly_per_member: 1000000GiB }\n'
const relayed = 'mdns: false\nrelay: { serve: off, use: on }\n'

const pathTo = (peers: unknown, name: string): unknown => {
  const list: unknown = Object(peers).peers
  return Array.isArray(list) ? list.map(Object).find((one) => one.name === name)?.path : undefined
}

/** Two nodes that reach each other through a third one alone, which relays. */
export const relayedMesh: Contender = {
  name: 'mesh',
  describe: 'mesh-node forward, through a member that relays',
  isEncrypted: true,
  missing: whyNoMiddle,
  open: async (place, ports, folder) => {
    const { near, far, fromNear, fromFar } = middleOf(place)
    const [carol, alice, bob] = [join(folder, 'carol'), join(folder, 'alice'), join(folder, 'bob')]
    const [asRelay, asMember] = [join(folder, 'relay.yaml'), join(folder, 'member.yaml')]
    const nodes: ChildProcess[] = []
    const close = async (): Promise<void> => void (await Promise.all(nodes.map(down)))
    try {
      await writeFile(asRelay, relaying)
      await writeFile(asMember, relayed)
      await verb(carol, 'network', 'create', '--name', 'carol')
      const both = ['--listen', `/ip4/${fromFar.address}/tcp/0`]
      nodes.push(await up(carol, fromNear, ...both, '--config', asRelay))
      const ticket = fieldOf(await verb(carol, 'invite', '--uses', '2'), 'ticket')
      for (const [name, stateDir, side] of [['alice', alice, far] as const, ['bob', bob, near] as const]) {
        await verb({ stateDir, side }, 'join', ticket, '--name', name)
        nodes.push(await up(stateDir, side, '--config', asMember))
      }
      await until('a relayed path', async () => {
        const dial = ['dial', 'alice', '--json', '--state-dir', bob]
        await finish(near, process.execPath, command, ...dial).catch(() => '')
        return pathTo(await verb(bob, 'peers'), 'alice') === 'relayed'
      })
      const ends = []
      for (const [i, port] of ports.entries()) {
        await verb(alice, 'serve', `service-${i}=tcp://127.0.0.1:${port}`, '--no-check')
        const said = await verb(bob, 'forward', '127.0.0.1:0', `alice/service-${i}`)
        ends.push({ host: '127.0.0.1', port: Number(fieldOf(said, 'listen').split(':').at(-1)) })
      }
      return { ends, pids: nodes.map(({ pid = 0 }) => pid), close }
    } catch (err) {
      await close()
      throw err
    }
  }
}
