import { fileURLToPath } from 'node:url'
import { freePort, start, untilListening, type Running } from '../program.ts'
import type { Contender } from './contender.ts'

const program = fileURLToPath(new URL('../../../../packages/testkit/src/programs/bare-pipe.ts', import.meta.url))

const bare = (kind: 'tls' | 'plaintext', describe: string): Contender => ({
  name: `libp2p-${kind}`,
  describe,
  isEncrypted: kind === 'tls',
  missing: () => undefined,
  open: async ({ near, far }, ports) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const port = await freePort()
      const address = [kind, far.address, String(port)]
      running.push(start(far, process.execPath, program, 'far', ...address, ...ports.map(String)))
      await untilListening(far, port)
      const ends = []
      for (const _ of ports) ends.push({ host: '127.0.0.1', port: await freePort() })
      running.push(start(near, process.execPath, program, 'near', ...address, ...ends.map((end) => String(end.port))))
      for (const end of ends) await untilListening(near, end.port)
      return { ends, pids: running.map(({ pid }) => pid), close }
    } catch (err) {
      await close()
      throw err
    }
  }
})

/** Two libp2p hosts and no mesh: the difference between the two is what encryption costs on one path. */
export const libp2pTls = bare('tls', 'two libp2p hosts with the TLS of the mesh, and nothing else of it')
export const libp2pPlaintext = bare('plaintext', 'the same without encryption, which no node of the mesh speaks')
