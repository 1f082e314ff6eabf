import type { RelayLimit } from '@agent-mesh/wire'

/** What a carrier gives to one connection through it; absent where it names no limit. */
export interface CircuitLimit {
  /** Both ways together. */
  bytes?: number
  seconds?: number
}

/**
 * From here on a duration is taken for milliseconds. The specification says seconds; js-libp2p sends
 * its two minutes as 120,000.
 */
const longestSeconds = 86_400

/** @returns undefined where nothing is limited, as by a relay of the mesh */
export const readLimit = ({ duration, data }: Partial<RelayLimit> = {}): CircuitLimit | undefined => {
  const seconds = duration === undefined || duration < longestSeconds ? duration : duration / 1_000
  const limit = {
    ...(data === undefined || data <= 0 ? {} : { bytes: data }),
    ...(seconds === undefined || seconds <= 0 ? {} : { seconds })
  }
  return Object.keys(limit).length === 0 ? undefined : limit
}

const units = [
  [1024 * 1024, 'MiB'],
  [1024, 'KiB']
] as const

const sizeText = (bytes: number): string => {
  const [size, unit] = units.find(([least]) => bytes >= least) ?? [1, 'bytes']
  return `${Math.round(bytes / size)} ${unit}`
}

/** `128 KiB and 120 s`. */
export const limitText = ({ bytes, seconds }: CircuitLimit): string =>
  [bytes === undefined ? [] : [sizeText(bytes)], seconds === undefined ? [] : [`${Math.round(seconds)} s`]]
    .flat()
    .join(' and ') || 'no limit'

export { sizeText }
