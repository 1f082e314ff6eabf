import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atEnd } from '../at-end.ts'
import { createLoopback } from '../place/loopback.ts'
import { finish, freePort, pathOf, start, until, untilListening, whyMissing, type Running } from '../program.ts'
import type { Contender } from './contender.ts'

const module = fileURLToPath(new URL('../../../../test/interop/go', import.meta.url))

let built: Promise<string> | undefined

const build = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-bench-go-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'forward')
  const flags = ['-C', module, '-mod=readonly', '-buildvcs=false', '-trimpath', '-o', path]
  // not on a side: a namespace has no way to the source
  const { near: here } = createLoopback('a build needs no place')
  await finish(here, 'env', 'CGO_ENABLED=0', pathOf('go') ?? 'go', 'build', ...flags, './forward')
  return path
}

/** The same two hosts as `libp2p-tls`, written in Go; built from source once in a run. */
export const goLibp2p: Contender = {
  name: 'go-libp2p',
  describe: 'two hosts of go-libp2p, TLS and yamux, a stream for each tunnel',
  isEncrypted: true,
  missing: () => whyMissing('go'),
  open: async ({ near, far }, ports, folder) => {
    built ??= build()
    const program = await built
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const [port, file] = [String(await freePort()), join(folder, 'address')]
      running.push(start(far, program, 'far', far.address, port, file, ...ports.map(String)))
      await until('an address of go-libp2p', () => existsSync(file))
      const ends = []
      for (const _ of ports) ends.push({ host: '127.0.0.1', port: await freePort() })
      running.push(start(near, program, 'near', file, ...ends.map((end) => String(end.port))))
      for (const end of ends) await untilListening(near, end.port)
      return { ends, pids: running.map(({ pid }) => pid), close }
    } catch (err) {
      await close()
      throw err
    }
  }
}
