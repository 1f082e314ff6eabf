import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finish, start, whyMissing, type Running } from '../program.ts'
import { untilReached, whyNoInterface } from './interface.ts'
import type { Contender } from './contender.ts'

const port = 4343

/** Two nodes that peer over TLS; its interface keeps the large MTU that it has by default. */
export const yggdrasil: Contender = {
  name: 'yggdrasil',
  describe: 'yggdrasil, IPv6 overlay',
  isEncrypted: true,
  missing: (place) => whyNoInterface(place) ?? whyMissing('yggdrasil'),
  open: async ({ near, far }, ports, folder) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    let address = ''
    try {
      for (const side of [far, near]) {
        const config = join(folder, `${side.name}.json`)
        const defaults: unknown = JSON.parse(await finish(side, 'yggdrasil', '-genconf', '-json'))
        await writeFile(
          config,
          JSON.stringify({
            ...Object(defaults),
            Listen: side.name === 'far' ? [`tls://${far.address}:${port}`] : [],
            Peers: side.name === 'near' ? [`tls://${far.address}:${port}`] : [],
            MulticastInterfaces: [],
            AdminListen: 'none',
            IfName: `ygg-${side.name}`
          }),
          { mode: 0o600 }
        )
        if (side.name === 'far') address = (await finish(side, 'yggdrasil', '-useconffile', config, '-address')).trim()
        running.push(start(side, 'yggdrasil', '-useconffile', config))
      }
      await untilReached(near, address, ports[0])
    } catch (err) {
      await close()
      throw err
    }
    return {
      ends: ports.map((one) => ({ host: address, port: one })),
      pids: running.map(({ pid }) => pid),
      close
    }
  }
}
