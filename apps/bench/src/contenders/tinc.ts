import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { start, until, whyMissing, type Running } from '../program.ts'
import { ipOn, untilReached, whyNoInterface } from './interface.ts'
import type { Contender } from './contender.ts'

const addresses = { near: '10.74.0.1', far: '10.74.0.2' }
const port = 6555

/** tinc 1.0 as a router, with the ciphers that it has by default. */
export const tinc: Contender = {
  name: 'tinc',
  describe: 'tinc 1.0',
  isEncrypted: true,
  missing: (place) => whyNoInterface(place) ?? whyMissing('tincd', 'ip'),
  open: async ({ near, far }, ports, folder) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const pairs = [near, far].map((side) => ({
        side,
        ...generateKeyPairSync('rsa', {
          modulusLength: 2_048,
          publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
          privateKeyEncoding: { type: 'pkcs1', format: 'pem' }
        })
      }))
      for (const { side, privateKey } of pairs.toReversed()) {
        const own = join(folder, side.name)
        await mkdir(join(own, 'hosts'), { recursive: true })
        for (const { side: host, publicKey } of pairs) {
          const lines = [`Address = ${host.address} ${port}`, `Subnet = ${addresses[host.name]}/32`, publicKey]
          await writeFile(join(own, 'hosts', host.name), lines.join('\n'))
        }
        const device = `tinc-${side.name}`
        const bind = `BindToAddress = ${side.address} ${port}`
        const lines = [`Name = ${side.name}`, `Interface = ${device}`, 'AddressFamily = ipv4', bind, `Port = ${port}`]
        if (side.name === 'near') lines.push('ConnectTo = far')
        await writeFile(join(own, 'tinc.conf'), `${lines.join('\n')}\n`)
        await writeFile(join(own, 'rsa_key.priv'), privateKey, { mode: 0o600 })
        running.push(start(side, 'tincd', '-D', '-c', own, `--pidfile=${join(own, 'pid')}`))
        await until(`the interface ${device}`, async () =>
          ipOn(side, `addr add ${addresses[side.name]}/24 dev ${device}`).then(
            () => true,
            () => false
          )
        )
        await ipOn(side, `link set ${device} up`)
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
