import { peerIdFromString } from '@libp2p/peer-id'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, HealthDigest, limits, MeshError, parseName, printable, type NetworkId } from '@agent-mesh/wire'
import { peerIdFromBytes, readEnvelope, sealEnvelope } from '@agent-mesh/identity'
import type { HealthNeighbour, HealthService } from '@agent-mesh/wire'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { Digest, NeighbourHealth, ServiceHealth, ServiceState } from './interface.ts'

/** A digest with the proof that the member itself said so. */
export interface SignedDigest {
  digest: Digest
  /** The member says goodbye. */
  isLeaving: boolean
  /** The envelope. */
  bytes: Uint8Array
}

/** A digest whose signature has not been looked at. */
export interface ReadDigest extends SignedDigest {
  subject: PeerId
  /** @throws MeshError HEALTH_INVALID where the signature does not hold */
  verify: () => Promise<void>
}

export interface DigestSigner {
  networkId: NetworkId
  key: PrivateKey
}

/** Public key, kind, signature and lengths around the payload. */
const envelopeBytes = 128
const serviceStates = ['healthy', 'failing', 'unchecked'] as const satisfies ServiceState[]
const mostWeightPermille = 1_000_000
/** What is cut by its length grows when what a terminal would act on is spelt out. */
const mostReason = 12 * limits.healthReasonLength
const mostUint32 = 2 ** 32 - 1
/** A date beyond this cannot be printed. */
const latestMs = 8.64e15

const count = (value: number): number => Math.min(mostUint32, Math.max(0, Math.round(value)))

const serviceOut = ({ name, state, sinceMs, reason = '', weight }: ServiceHealth): HealthService => ({
  name,
  state: serviceStates.indexOf(state) + 1,
  sinceMs: Math.max(0, Math.round(sinceMs)),
  reason: printable(reason, limits.healthReasonLength - 1),
  weightPermille: Math.min(mostWeightPermille, count(weight * 1_000))
})

const neighbourOut = ({ peerId, rttMs, jitterMs, stalls, loss, lossIn }: NeighbourHealth): HealthNeighbour => ({
  peerId: withArrayBuffer(peerIdFromString(peerId).toMultihash().bytes),
  rttUs: count(rttMs * 1_000),
  jitterUs: count(jitterMs * 1_000),
  stalls: count(stalls),
  lossPpm: count((loss ?? 0) * 1e6),
  hasLoss: loss !== undefined,
  lossInPpm: count((lossIn ?? 0) * 1e6),
  hasLossIn: lossIn !== undefined
})

const payloadOf = (digest: Digest, isLeaving: boolean, networkId: NetworkId): HealthDigest => ({
  peerId: withArrayBuffer(peerIdFromString(digest.peerId).toMultihash().bytes),
  network: networkId,
  incarnation: digest.incarnation,
  sequence: digest.sequence,
  timeMs: digest.timeMs,
  isLeaving,
  lagMs: count(digest.load.eventLoopLagMs),
  tunnels: count(digest.load.tunnels),
  services: digest.services.slice(0, limits.servicesPerNode).map(serviceOut),
  neighbours: digest.neighbours.slice(0, limits.neighboursPerDigest).map(neighbourOut)
})

/** What is worth least goes first: neighbours, then reasons, then the last of the services. */
const encodeWithin = (payload: HealthDigest, most: number): Uint8Array => {
  const { services, neighbours } = payload
  for (;;) {
    const encoded = HealthDigest.encode(payload)
    if (encoded.length <= most) return encoded
    const explained = services.findLast(({ reason }) => reason !== '')
    if (neighbours.length > 0) neighbours.pop()
    else if (explained !== undefined) explained.reason = ''
    else if (services.pop() === undefined) return encoded
  }
}

/** Signs a digest. It never grows past `limits.digestBytes`: what does not fit is left out. */
export const sealDigest = async (
  digest: Digest,
  isLeaving: boolean,
  { key, networkId }: DigestSigner
): Promise<SignedDigest> => {
  const payload = payloadOf(digest, isLeaving, networkId)
  const bytes = await sealEnvelope('digest', encodeWithin(payload, limits.digestBytes - envelopeBytes), key)
  return { digest: { ...digest, ...partsOf(payload) }, isLeaving, bytes }
}

const invalid = (why: string): never => {
  throw new MeshError('HEALTH_INVALID', `A digest is refused: ${why}.`)
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

const serviceIn = ({ name, state, sinceMs, reason, weightPermille }: HealthService): ServiceHealth => {
  const known = serviceStates[state - 1]
  if (!isWhole(sinceMs) || sinceMs > latestMs) invalid(`the time of a service is ${sinceMs}`)
  if (reason.length > mostReason) invalid('the reason of a service is too long')
  if (weightPermille > mostWeightPermille) invalid(`the weight of a service is ${weightPermille} permille`)
  return {
    name: parseName(name, 'service'),
    state: known ?? invalid(`${state} is no state of a service`),
    sinceMs,
    ...(reason === '' ? {} : { reason }),
    weight: weightPermille / 1_000
  }
}

const neighbourIn = (neighbour: HealthNeighbour): NeighbourHealth => {
  const { peerId, rttUs, jitterUs, stalls, lossPpm, hasLoss, lossInPpm, hasLossIn } = neighbour
  if (lossPpm > 1e6) invalid(`the loss to a neighbour is ${lossPpm} of a million`)
  if (lossInPpm > 1e6) invalid(`the loss from a neighbour is ${lossInPpm} of a million`)
  return {
    peerId: peerIdFromBytes(peerId, 'HEALTH_INVALID').toString(),
    rttMs: rttUs / 1_000,
    jitterMs: jitterUs / 1_000,
    stalls,
    ...(hasLoss ? { loss: lossPpm / 1e6 } : {}),
    ...(hasLossIn ? { lossIn: lossInPpm / 1e6 } : {})
  }
}

const partsOf = ({ services, neighbours }: HealthDigest): Pick<Digest, 'services' | 'neighbours'> => {
  if (services.length > limits.servicesPerNode) invalid(`it tells of ${services.length} services`)
  if (neighbours.length > limits.neighboursPerDigest) invalid(`it tells of ${neighbours.length} neighbours`)
  const parts = { services: services.map(serviceIn), neighbours: neighbours.map(neighbourIn) }
  if (new Set(parts.services.map(({ name }) => name)).size < services.length) invalid('it names a service twice')
  return parts
}

/**
 * Looks at everything that costs little: size, shape, subject and bounds. The signature is looked at by `verify`.
 * @throws MeshError HEALTH_INVALID; NETWORK_FOREIGN
 */
export const readDigest = (envelope: Uint8Array, networkId: NetworkId): ReadDigest => {
  // a copy: what arrives is a view of a larger buffer, and is kept
  const bytes = envelope.length > limits.digestBytes ? envelope : envelope.slice()
  const { signer, payload, verify } = readEnvelope('digest', bytes, limits.digestBytes, 'HEALTH_INVALID')
  const message = decodeMessage(HealthDigest, payload, limits.digestBytes, 'HEALTH_INVALID', 'digest')
  const subject = peerIdFromBytes(message.peerId, 'HEALTH_INVALID')
  if (!subject.equals(signer)) invalid('it is about another member than its signer')
  if (message.network !== networkId) throw new MeshError('NETWORK_FOREIGN', 'A digest belongs to another network.')
  const { incarnation, sequence, timeMs, isLeaving, lagMs, tunnels } = message
  if (!isWhole(incarnation) || incarnation > latestMs) invalid(`its incarnation is ${incarnation}`)
  if (!isWhole(sequence)) invalid(`its sequence is ${sequence}`)
  if (!isWhole(timeMs) || timeMs > latestMs) invalid(`its time is ${timeMs}`)
  const digest: Digest = {
    peerId: subject.toString(),
    incarnation,
    sequence,
    timeMs,
    load: { eventLoopLagMs: lagMs, tunnels },
    ...parsed(message)
  }
  return { digest, isLeaving, bytes, subject, verify }
}

/** Names are checked by a rule that has a code of its own. */
const parsed = (message: HealthDigest): ReturnType<typeof partsOf> => {
  try {
    return partsOf(message)
  } catch (cause) {
    throw cause instanceof MeshError && cause.code === 'HEALTH_INVALID'
      ? cause
      : new MeshError('HEALTH_INVALID', 'A digest is refused: it names a service that cannot be one.', { cause })
  }
}
