import { join } from 'node:path'
import { down, fieldOf, up, verb } from '../command.ts'
import type { Contender } from './contender.ts'
import type { ChildProcess } from 'node:child_process'

/** Two nodes of a network of their own, a service and a forward for each port. */
export const mesh: Contender = {
  name: 'mesh',
  describe: 'mesh-node forward',
  isEncrypted: true,
  missing: () => undefined,
  open: async ({ near, far }, ports, folder) => {
    const [alice, bob] = [join(folder, 'alice'), join(folder, 'bob')]
    const nodes: ChildProcess[] = []
    const close = async (): Promise<void> => void (await Promise.all(nodes.map(down)))
    try {
      await verb(alice, 'network', 'create', '--name', 'alice')
      nodes.push(await up(alice, far))
      await verb({ stateDir: bob, side: near }, 'join', fieldOf(await verb(alice, 'invite'), 'ticket'), '--name', 'bob')
      nodes.push(await up(bob, near))
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
