import type { CarrierDocument, CarrierUse } from '@agent-mesh/wire/api'
import { formatAge, formatTime, table } from './text.ts'

const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`

/** `128 KiB and 120 s`. */
const formatLimit = ({ limitBytes, limitSeconds }: Pick<CarrierDocument, 'limitBytes' | 'limitSeconds'>): string =>
  [
    ...(limitBytes === undefined ? [] : [kib(limitBytes)]),
    ...(limitSeconds === undefined ? [] : [`${limitSeconds} s`])
  ].join(' and ') || 'no limit'

/** What a connection through a carrier has used of what it gives. */
export const describeCarrierUse = ({ peerId, usedBytes, usedSeconds, ...limit }: CarrierUse): string =>
  `through the carrier ${peerId}: ${kib(usedBytes)} and ${usedSeconds} s of ${formatLimit(limit)} used`

const describeState = ({ state, reason, retryMs, untilMs }: CarrierDocument, nowMs: number): string => {
  if (state === 'held') return untilMs === undefined ? 'a place' : `a place until ${formatTime(untilMs)}`
  if (state === 'asking') return 'is asked for a place'
  if (state === 'unused') return 'not needed'
  const again = retryMs === undefined ? '' : `; asked again in ${formatAge(retryMs - nowMs)}`
  return `${reason ?? 'it gave no place'}${again}`
}

/** Relays of other networks for people. */
export const carriersTable = (carriers: CarrierDocument[] = [], nowMs: number = Date.now()): string[] =>
  table(
    ['CARRIER', 'ADDRESS', 'CONNECTIONS', 'GIVES TO EACH', 'STATE'],
    carriers.map((one) => [
      one.peerId,
      one.addresses[0] ?? '-',
      String(one.circuits),
      one.state === 'held' ? formatLimit(one) : '-',
      describeState(one, nowMs)
    ])
  )
