import { peerIdFromString } from '@libp2p/peer-id'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { limits, MeshError } from '@agent-mesh/wire'
import { peerIdFromBytes } from '@agent-mesh/identity'
import type { HealthClaim } from '@agent-mesh/wire'
import type { Claim, ClaimedState } from './detector/interface.ts'

const states = ['alive', 'suspect', 'dead', 'left'] as const satisfies ClaimedState[]

export const toWire = ({ peerId, state, incarnation }: Claim): HealthClaim => ({
  peerId: peerBytes(peerId),
  state: states.indexOf(state) + 1,
  incarnation
})

export const peerBytes = (peerId: string): Uint8Array<ArrayBuffer> =>
  withArrayBuffer(peerIdFromString(peerId).toMultihash().bytes)

/** @throws MeshError HEALTH_INVALID */
export const fromWire = ({ peerId, state, incarnation }: HealthClaim): Claim => {
  const known = states[state - 1]
  if (known === undefined) throw new MeshError('HEALTH_INVALID', `A claim is refused: ${state} is no state.`)
  if (!Number.isSafeInteger(incarnation) || incarnation < 0)
    throw new MeshError('HEALTH_INVALID', `A claim is refused: ${incarnation} is no incarnation.`)
  return { peerId: peerIdFromBytes(peerId, 'HEALTH_INVALID').toString(), state: known, incarnation }
}

/**
 * A life begins at the time of its start, and each refutation makes it one more: one far in the future was made up, and whoever
 * outbid it would be believed by nobody.
 */
export const plausible = (claims: readonly Claim[], nowMs: number): Claim[] =>
  claims.filter(({ incarnation }) => incarnation <= nowMs + limits.clockToleranceMs)
