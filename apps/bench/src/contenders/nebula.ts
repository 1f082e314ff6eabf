import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finish, start, whyMissing, type Running } from '../program.ts'
import { untilReached, whyNoInterface } from './interface.ts'
import type { Contender } from './contender.ts'

const addresses = { near: '10.73.0.1', far: '10.73.0.2' }
const port = 4242

/** Two hosts, one of them the lighthouse; whatever it has for defaults. */
export const nebula: Contender = {
  name: 'nebula',
  describe: 'nebula, AES-256-GCM',
  isEncrypted: true,
  missing: (place) => whyNoInterface(place) ?? whyMissing('nebula', 'nebula-cert'),
  open: async ({ near, far }, ports, folder) => {
    const running: Running[] = []
    const close = async (): Promise<void> => void (await Promise.all(running.map(async ({ stop }) => stop())))
    try {
      const authority = ['-out-crt', join(folder, 'ca.crt'), '-out-key', join(folder, 'ca.key')]
      await finish(near, 'nebula-cert', 'ca', '-name', 'bench', ...authority)
      for (const side of [far, near]) {
        const [crt, key] = [join(folder, `${side.name}.crt`), join(folder, `${side.name}.key`)]
        const signer = ['-ca-crt', join(folder, 'ca.crt'), '-ca-key', join(folder, 'ca.key')]
        const subject = ['-name', side.name, '-ip', `${addresses[side.name]}/24`, '-out-crt', crt, '-out-key', key]
        await finish(side, 'nebula-cert', 'sign', ...signer, ...subject)
        const isLighthouse = side.name === 'far'
        const config = join(folder, `${side.name}.json`)
        await writeFile(
          config,
          JSON.stringify({
            pki: { ca: join(folder, 'ca.crt'), cert: crt, key },
            static_host_map: { [addresses.far]: [`${far.address}:${port}`] },
            lighthouse: { am_lighthouse: isLighthouse, hosts: isLighthouse ? [] : [addresses.far] },
            listen: { host: side.address, port },
            tun: { dev: `nebula-${side.name}`, mtu: 1300 },
            logging: { level: 'error' },
            firewall: {
              outbound: [{ port: 'any', proto: 'any', host: 'any' }],
              inbound: [{ port: 'any', proto: 'any', host: 'any' }]
            }
          })
        )
        running.push(start(side, 'nebula', '-config', config))
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
