import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finish, start, until, whyMissing, type Running } from '../program.ts'
import { ipOn, untilReached, whyNoInterface } from './interface.ts'
import type { Contender } from './contender.ts'

const addresses = { near: '10.72.0.1', far: '10.72.0.2' }
const port = 51_820

/** WireGuard in user space, as it is where the kernel has none. */
export const wireguard: Contender = {
  name: 'wireguard-go',
  describe: 'wireguard-go, ChaCha20-Poly1305',
  isEncrypted: true,
  missing: (place) => whyNoInterface(place) ?? whyMissing('wireguard-go', 'wg', 'ip'),
  open: async ({ near, far }, ports, folder) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const keys: Record<string, string> = {}
      const publicKeys: Record<string, string> = {}
      for (const side of [near, far]) {
        const key = join(folder, `${side.name}.key`)
        await writeFile(key, await finish(side, 'wg', 'genkey'), { mode: 0o600 })
        keys[side.name] = key
        publicKeys[side.name] = (await finish(side, 'sh', '-c', `wg pubkey < ${key}`)).trim()
      }
      for (const [side, other] of [[near, far] as const, [far, near] as const]) {
        const name = `wg-${process.pid}-${side.name}`.slice(-15)
        running.push(start(side, 'wireguard-go', '-f', name))
        await until(`the interface ${name}`, async () =>
          finish(side, 'wg', 'show', name).then(
            () => true,
            () => false
          )
        )
        const peer = ['peer', publicKeys[other.name] ?? '', 'allowed-ips', `${addresses[other.name]}/32`]
        const endpoint = ['endpoint', `${other.address}:${port}`]
        const own = ['listen-port', String(port), 'private-key', keys[side.name] ?? '']
        await finish(side, 'wg', 'set', name, ...own, ...peer, ...endpoint)
        await ipOn(side, `addr add ${addresses[side.name]}/24 dev ${name}`)
        await ipOn(side, `link set ${name} up`)
      }
      await untilReached(near, addresses.far, ports[0])
    } catch (err) {
      await close()
      throw err
    }
    return {
      ends: ports.map((one) => ({ host: addresses.far, port: one })),
      pids: running.map(({ pid }) => pid),
      close
    }
  }
}
