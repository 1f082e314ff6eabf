import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import {
  openEnvelope,
  openRequest,
  parseNetworkKey,
  peerIdFromBytes,
  sealEnvelope,
  sealRequest,
  verifyChain
} from '@agent-mesh/identity'
import {
  decodeMessage,
  fromWireCode,
  JoinAnswer,
  JoinGrant,
  JoinPlea,
  JoinRequest,
  limits,
  MeshError,
  parseName,
  quote,
  toWireCode,
  type Ticket
} from '@agent-mesh/wire'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'

/** What a joiner asks for, after its signature and the clock were checked. */
export interface Plea {
  inviteId: Uint8Array
  secret: Uint8Array
  /** Who signed it. */
  peerId: PeerId
  name: string
  nowMs: number
}

/** What the issuer gives. */
export interface Grant {
  /** Certificates of the joiner, the leaf first. */
  chain: Uint8Array[]
  /** Members to start from, each with its peer id. */
  addresses: Multiaddr[]
  /** Of the policy that the issuer holds; 0 where it knows of none. */
  policyVersion: number
}

/** A grant that was verified by the joiner. */
export interface Joined extends Grant {
  membership: Membership
}

const inviteIdBytes = 16
const reasonLength = 256
/** Addresses in a grant. */
const grantedAddresses = 2 * limits.addressesPerRecord

/** A request of any joiner, readable by whoever passes it on. @throws MeshError TICKET_INVALID */
export const decodeJoinRequest = (bytes: Uint8Array): JoinRequest & { issuerId: PeerId } => {
  const request = decodeMessage(JoinRequest, bytes, limits.joinBytes, 'TICKET_INVALID', 'join request')
  if (request.inviteId.length !== inviteIdBytes) {
    throw new MeshError('TICKET_INVALID', `A join request names an invitation of ${request.inviteId.length} bytes.`)
  }
  return { ...request, issuerId: peerIdFromBytes(request.issuer, 'TICKET_INVALID') }
}

/**
 * Opens a request that is sealed to this node.
 * @throws MeshError TICKET_INVALID, CLOCK_SKEW, NAME_INVALID
 */
export const openPlea = async (
  request: JoinRequest,
  sealKey: string,
  nowMs: number
): Promise<{ plea: Plea; sealGrant: (grant: Grant) => Uint8Array }> => {
  const { plain, sealAnswer } = openRequest(sealKey, request.sealed)
  const { signer, payload } = await openEnvelope('joinPlea', plain, limits.joinBytes, 'TICKET_INVALID')
  const { inviteId, secret, name, timeMs } = decodeMessage(
    JoinPlea,
    payload,
    limits.joinBytes,
    'TICKET_INVALID',
    'plea'
  )
  if (!equals(inviteId, request.inviteId)) throw new MeshError('TICKET_INVALID', 'A plea is for another invitation.')
  if (Math.abs(timeMs - nowMs) > limits.clockToleranceMs + limits.joinTimeoutMs) {
    const minutes = (Math.abs(timeMs - nowMs) / 60_000).toFixed(1)
    throw new MeshError('CLOCK_SKEW', `The clocks of the joiner and of the issuer differ by ${minutes} minutes.`)
  }
  return {
    plea: { inviteId, secret, peerId: signer, name: parseName(name), nowMs },
    sealGrant: ({ chain, addresses, policyVersion }) =>
      sealAnswer(
        JoinGrant.encode({
          chain: chain.map((envelope) => withArrayBuffer(envelope)),
          addresses: addresses.slice(0, grantedAddresses).map(({ bytes }) => withArrayBuffer(bytes)),
          policyVersion
        })
      )
  }
}

export const encodeGranted = (sealed: Uint8Array): Uint8Array =>
  JoinAnswer.encode({ code: 0, reason: '', sealed: withArrayBuffer(sealed) })

export const encodeRefused = (error: MeshError): Uint8Array =>
  JoinAnswer.encode({
    code: toWireCode(error.code),
    reason: error.message.slice(0, reasonLength),
    sealed: new Uint8Array()
  })

export interface PleaInit {
  ticket: Ticket
  key: PrivateKey
  name: string
  nowMs: number
}

/**
 * The request of a joiner, and how it reads the answer.
 * @throws MeshError NAME_INVALID, TICKET_INVALID
 */
export const sealPlea = async ({
  ticket,
  key,
  name,
  nowMs
}: PleaInit): Promise<{ request: Uint8Array; openGrant: (sealed: Uint8Array) => Uint8Array }> => {
  const { inviteId, secret, issuer, sealKey } = ticket
  const plea = JoinPlea.encode({ inviteId, secret, name: parseName(name), timeMs: nowMs })
  const { sealed, openAnswer } = sealRequest(sealKey, await sealEnvelope('joinPlea', plea, key))
  return {
    request: JoinRequest.encode({ issuer, inviteId, sealed }),
    openGrant: openAnswer
  }
}

/**
 * Verifies an answer: the certificates hold in the network of the ticket, and they are ours and in our name.
 * @throws MeshError with the code of the issuer, or CERTIFICATE_INVALID, TICKET_INVALID and what `verifyChain` throws
 */
export const openJoinAnswer = async (
  bytes: Uint8Array,
  openGrant: (sealed: Uint8Array) => Uint8Array,
  { ticket, name, nowMs }: PleaInit,
  self: PeerId
): Promise<Joined> => {
  const answer = decodeMessage(JoinAnswer, bytes, limits.joinBytes, 'TICKET_INVALID', 'answer to a join')
  if (answer.code !== 0)
    throw new MeshError(fromWireCode(answer.code), `The join was refused: ${quote(answer.reason, reasonLength)}.`)
  const grant = decodeMessage(JoinGrant, openGrant(answer.sealed), limits.joinBytes, 'CERTIFICATE_INVALID', 'grant')
  const membership = await verifyChain(grant.chain, parseNetworkKey(ticket.networkKey), nowMs)
  if (!membership.peerId.equals(self))
    throw new MeshError(
      'CERTIFICATE_INVALID',
      `The certificate is for ${membership.peerId.toString()}, not for ${self.toString()}.`
    )
  if (membership.name !== name)
    throw new MeshError('CERTIFICATE_INVALID', `The certificate is for "${membership.name}", not for "${name}".`)
  const { chain, addresses, policyVersion } = grant
  return { membership, chain, addresses: addresses.slice(0, grantedAddresses).flatMap(readAddress), policyVersion }
}

const readAddress = (bytes: Uint8Array): Multiaddr[] => {
  try {
    return [multiaddr(bytes)]
  } catch {
    return []
  }
}
