import { readFile } from 'node:fs/promises'

/** Address of the default gateway in the routing table that Linux shows as `/proc/net/route`. */
export const gatewayIn = (routes: string): string | undefined => {
  const best = routes
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t').map((field) => field.trim()))
    .filter(([, destination, gateway]) => destination === '00000000' && gateway !== '00000000')
    .toSorted((a, b) => Number(a[6]) - Number(b[6]))[0]
  const hex = best?.[2]
  if (hex === undefined || !/^[0-9A-F]{8}$/i.test(hex)) return undefined
  // The kernel prints the address as a number of this machine, whose lowest byte comes first.
  return Buffer.from(hex, 'hex').toReversed().join('.')
}

/** Address of the default gateway; undefined where there is none, and on systems other than Linux. */
export const readDefaultGateway = async (): Promise<string | undefined> => {
  try {
    return gatewayIn(await readFile('/proc/net/route', 'utf8'))
  } catch {
    return undefined
  }
}
