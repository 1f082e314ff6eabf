import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, start, until, untilListening, type Running } from '../program.ts'
import type { Contender } from './contender.ts'

const program = fileURLToPath(new URL('../programs/hyperdht-pipe.ts', import.meta.url))

const whyNotLoaded = (): string | undefined => {
  try {
    createRequire(import.meta.url).resolve('hyperdht')
    return undefined
  } catch {
    return 'the package hyperdht is not installed'
  }
}

/** Holepunching of the Hypercore protocol: Noise over UDX, with a DHT of this run on the far side. */
export const hyperdht: Contender = {
  name: 'hyperdht',
  describe: 'hyperdht, a connection for each tunnel, over UDP',
  isEncrypted: true,
  missing: whyNotLoaded,
  open: async ({ near, far }, ports, folder) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const [dht, keys] = [String(await freePort()), join(folder, 'keys.json')]
      running.push(start(far, process.execPath, program, 'far', far.address, dht, keys, ...ports.map(String)))
      await until('a DHT of hyperdht', () => existsSync(keys))
      const ends = []
      for (const _ of ports) ends.push({ host: '127.0.0.1', port: await freePort() })
      const bind = ends.map(({ port }) => String(port))
      running.push(start(near, process.execPath, program, 'near', near.address, far.address, dht, keys, ...bind))
      for (const { port } of ends) await untilListening(near, port)
      return { ends, pids: running.map(({ pid }) => pid), close }
    } catch (err) {
      await close()
      throw err
    }
  }
}
