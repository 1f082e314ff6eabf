import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, HealthNews, limits, MeshError } from '@agent-mesh/wire'
import { fromWire, toWire } from './claim.ts'
import type { Claim } from './detector/interface.ts'

/** One message of gossip. Incarnation and sequence are its author's, and grow from message to message. */
export interface News {
  /** Envelope of the author's digest. */
  digest: Uint8Array | undefined
  claims: Claim[]
  timeMs: number
  incarnation: number
  sequence: number
}

export const encodeNews = ({ digest, claims, timeMs, incarnation, sequence }: News): Uint8Array =>
  HealthNews.encode({
    digest: withArrayBuffer(digest ?? new Uint8Array(0)),
    claims: claims.map(toWire),
    timeMs,
    incarnation,
    sequence
  })

/** @throws MeshError HEALTH_INVALID */
export const decodeNews = (bytes: Uint8Array): News => {
  const { digest, claims, ...rest } = decodeMessage(
    HealthNews,
    bytes,
    limits.gossipMessageBytes,
    'HEALTH_INVALID',
    'message of health'
  )
  if (claims.length > limits.claimsPerMessage)
    throw new MeshError('HEALTH_INVALID', `A message of health is refused: it makes ${claims.length} claims.`)
  for (const number of Object.values(rest)) {
    if (!Number.isSafeInteger(number) || number < 0)
      throw new MeshError('HEALTH_INVALID', `A message of health is refused: ${number} is no time and no count.`)
  }
  return { digest: digest.length === 0 ? undefined : digest, claims: claims.map(fromWire), ...rest }
}
