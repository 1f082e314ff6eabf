import { networkInterfaces } from 'node:os'

export interface NetworkWatch {
  start: () => void
  stop: () => void
}

/** Node tells of no change, so somebody has to look; that takes some 50 µs. */
const lookMs = 1_000

/** Addresses of this machine that others may reach, in an order that does not change by itself. */
const readAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
    .toSorted()

/** Calls back with the addresses of this machine whenever they are others than before. */
export const createNetworkWatch = (
  onChange: (addresses: string[]) => void,
  read: () => string[] = readAddresses
): NetworkWatch => {
  let timer: NodeJS.Timeout | undefined
  return {
    start: () => {
      let before = read().join(' ')
      timer ??= setInterval(() => {
        const addresses = read()
        const now = addresses.join(' ')
        if (now === before) return
        before = now
        onChange(addresses)
      }, lookMs).unref()
    },
    stop: () => {
      clearInterval(timer)
      timer = undefined
    }
  }
}
