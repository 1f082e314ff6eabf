import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'

const run = promisify(execFile)
const timeoutMs = 2_000

/** How packets to a host leave this machine, as its kernel says. */
export interface Route {
  /** Largest packet of the link, in bytes. */
  linkMtu: number
  /** What routers on the way have told of it, by ICMP; absent where none did. */
  toldMtu?: number
  /** Interface that they leave by. */
  device: string
  /** Router that they go to first. */
  gateway?: string
}

const routes = z.array(
  z.object({
    dev: z.string(),
    gateway: z.string().optional(),
    metrics: z.array(z.object({ mtu: z.number().optional() })).optional()
  })
)

/** By `ip` of Linux. @returns undefined where the system does not tell */
export const readRoute = async (host: string): Promise<Route | undefined> => {
  try {
    const { stdout } = await run('ip', ['-j', 'route', 'get', host], { timeout: timeoutMs })
    const [route] = routes.parse(JSON.parse(stdout))
    if (route === undefined) return undefined
    const linkMtu = Number(await readFile(`/sys/class/net/${route.dev}/mtu`, 'utf8'))
    const toldMtu = route.metrics?.find(({ mtu }) => mtu !== undefined)?.mtu
    const { dev: device, gateway } = route
    return {
      linkMtu,
      device,
      ...(gateway === undefined ? {} : { gateway }),
      ...(toldMtu === undefined ? {} : { toldMtu })
    }
  } catch {
    return undefined
  }
}

/** Whether datagrams of this system say that no router may take them apart; Node cannot ask for it, Linux does so by itself. */
export const isFragmentingForbidden = async (): Promise<boolean> =>
  process.platform === 'linux' &&
  (await readFile('/proc/sys/net/ipv4/ip_no_pmtu_disc', 'utf8').catch(() => '')).trim() === '0'
