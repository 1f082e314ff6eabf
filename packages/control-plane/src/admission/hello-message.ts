import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { verifyChain } from '@agent-mesh/identity'
import {
  decodeMessage,
  fromWireCode,
  HelloAck,
  HelloAnswer,
  HelloRequest,
  limits,
  MeshError,
  quote,
  toWireCode
} from '@agent-mesh/wire'
import type { PeerId, PublicKey } from '@libp2p/interface'
import type { Greeting } from './interface.ts'

/** What this node says of itself. */
export interface HelloSelf {
  chain: Uint8Array[]
  instanceId: Uint8Array
  agent: string
  policyVersion: number
  revocationsHash: Uint8Array
}

export interface HelloCheck {
  networkKey: PublicKey
  /** Who the channel says that it is. */
  remotePeer: PeerId
  nowMs: number
}

export const instanceIdBytes = 16
const hashBytes = 32
const agentLength = 64
const reasonLength = 256

/** @param isOnly - whether this node has no other connection to the one that hears it */
export const helloOf = (self: HelloSelf, nowMs: number, isOnly: boolean): HelloRequest => ({
  chain: self.chain.map((envelope) => withArrayBuffer(envelope)),
  instanceId: withArrayBuffer(self.instanceId),
  timeMs: nowMs,
  policyVersion: self.policyVersion,
  revocationsHash: withArrayBuffer(self.revocationsHash),
  agent: self.agent,
  isOnly
})

const refuse = (why: string): never => {
  throw new MeshError('NOT_A_MEMBER', `A hello was refused: ${why}.`)
}

/**
 * Checks a hello: its clock first, because a clock that is off makes certificates look wrong, then the certificates,
 * then that they are those of the peer at the other end.
 * @throws MeshError NOT_A_MEMBER, CLOCK_SKEW and what `verifyChain` throws
 */
export const checkHello = async (
  hello: HelloRequest,
  { networkKey, remotePeer, nowMs }: HelloCheck
): Promise<Greeting> => {
  if (hello.instanceId.length !== instanceIdBytes) refuse(`its instance id has ${hello.instanceId.length} bytes`)
  if (![0, hashBytes].includes(hello.revocationsHash.length)) refuse('its hash of revocations has a wrong length')
  // what was on its way is older than when it was written; nothing can come from the future
  const aheadMs = hello.timeMs - nowMs
  if (aheadMs > limits.clockToleranceMs || -aheadMs > limits.clockToleranceMs + limits.helloTimeoutMs) {
    const minutes = (Math.abs(aheadMs) / 60_000).toFixed(1)
    throw new MeshError(
      'CLOCK_SKEW',
      `The clock of ${remotePeer.toString()} is ${minutes} minutes ${aheadMs > 0 ? 'ahead of' : 'behind'} the one here.`
    )
  }
  if (hello.chain.length === 0) refuse('it shows no certificate')
  const membership = await verifyChain(hello.chain, networkKey, nowMs)
  if (!membership.peerId.equals(remotePeer))
    refuse(`its certificate belongs to ${membership.peerId.toString()}, not to ${remotePeer.toString()}`)
  return {
    membership,
    instanceId: Buffer.from(hello.instanceId).toString('hex'),
    policyVersion: hello.policyVersion,
    revocationsHash: Uint8Array.from(hello.revocationsHash),
    agent: hello.agent.slice(0, agentLength),
    isOnly: hello.isOnly
  }
}

/** @throws MeshError NOT_A_MEMBER */
export const decodeHello = (bytes: Uint8Array): HelloRequest =>
  decodeMessage(HelloRequest, bytes, limits.helloBytes, 'NOT_A_MEMBER', 'hello')

const refused = (peer: PeerId, code: number, reason: string, retryAfterMs: number): MeshError =>
  new MeshError(fromWireCode(code), `${peer.toString()} refused this node: ${quote(reason, reasonLength)}.`, {
    details: { refusedBy: 'peer', retryAfterMs }
  })

/**
 * The hello in an answer.
 * @throws MeshError with the code of the peer where it refuses, `details.refusedBy` being `peer`; NOT_A_MEMBER
 */
export const decodeAnswer = (bytes: Uint8Array, peer: PeerId): HelloRequest => {
  const answer = decodeMessage(HelloAnswer, bytes, limits.helloBytes, 'NOT_A_MEMBER', 'answer to a hello')
  if (answer.code !== 0) throw refused(peer, answer.code, answer.reason, answer.retryAfterMs)
  return answer.hello ?? refuse('the answer holds none')
}

/** @throws as {@link decodeAnswer} */
export const decodeAck = (bytes: Uint8Array, peer: PeerId): void => {
  const ack = decodeMessage(HelloAck, bytes, limits.helloBytes, 'NOT_A_MEMBER', 'end of a hello')
  if (ack.code !== 0) throw refused(peer, ack.code, ack.reason, 0)
}

export const encodeAnswer = (hello: HelloRequest): Uint8Array =>
  HelloAnswer.encode({ code: 0, reason: '', hello, retryAfterMs: 0 })

export const encodeRefusal = (error: MeshError): Uint8Array =>
  HelloAnswer.encode({
    code: toWireCode(error.code),
    reason: error.message.slice(0, reasonLength),
    retryAfterMs: limits.refusalBackoffMs
  })

export const encodeAck = (error?: MeshError): Uint8Array =>
  HelloAck.encode({
    code: error === undefined ? 0 : toWireCode(error.code),
    reason: error?.message.slice(0, reasonLength) ?? ''
  })
