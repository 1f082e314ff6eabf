import { whyMissing } from '../program.ts'
import { ipOn, untilReached, whyNoInterface } from './interface.ts'
import type { Contender } from './contender.ts'

const addresses = { near: '10.71.0.1', far: '10.71.0.2' }

/** The kernel's own overlay, without encryption. */
export const vxlan: Contender = {
  name: 'vxlan',
  describe: 'kernel VXLAN, not encrypted',
  isEncrypted: false,
  missing: (place) => whyNoInterface(place) ?? whyMissing('ip'),
  open: async ({ near, far }, ports) => {
    const sides = [near, far]
    const close = async (): Promise<void> => {
      for (const side of sides) await ipOn(side, 'link del bench-vxlan').catch(() => '')
    }
    try {
      for (const [side, other] of [[near, far] as const, [far, near] as const]) {
        const ends = `local ${side.address} remote ${other.address}`
        // Without a device it follows the routes, as all others do; 50 bytes of each packet are its own.
        await ipOn(side, `link add bench-vxlan mtu 1450 type vxlan id 71 dstport 4789 ${ends}`)
        await ipOn(side, `addr add ${addresses[side.name]}/24 dev bench-vxlan`)
        await ipOn(side, 'link set bench-vxlan up')
      }
      await untilReached(near, addresses.far, ports[0])
    } catch (err) {
      await close()
      throw err
    }
    return { ends: ports.map((port) => ({ host: addresses.far, port })), pids: [], close }
  }
}
