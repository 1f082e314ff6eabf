import { HelloRequest, limits, toMeshError, type MeshError } from '@agent-mesh/wire'
import { decodeAck, decodeAnswer, decodeHello, encodeAck, encodeAnswer, encodeRefusal } from './hello-message.ts'
import { messageStream } from './message-stream.ts'
import type { PeerId, Stream } from '@libp2p/interface'
import type { Greeting } from './interface.ts'

export interface HelloParty {
  remotePeer: PeerId
  /** What this node says. */
  hello: () => HelloRequest
  /** @throws MeshError that becomes the refusal */
  check: (hello: HelloRequest) => Promise<Greeting>
  /** Its reason is thrown when it ends the exchange. */
  signal: AbortSignal
}

const open = (stream: Stream) => messageStream(stream, { most: limits.helloBytes, code: 'NOT_A_MEMBER', what: 'hello' })

/** What goes wrong in a step is told to the other side before it is thrown here; that it may not get out changes nothing. */
const orTell = async <T>(step: Promise<T>, tell: (error: MeshError) => Promise<void>): Promise<T> =>
  step.catch(async (err: unknown) => {
    const error = toMeshError(err)
    await tell(error).catch(() => {})
    throw error
  })

/**
 * The side that dialled: request, answer, ack. The ack tells the other side that its certificate was accepted, so
 * that it does not admit a peer that is about to leave.
 * @throws MeshError; a refusal by the peer has `details.refusedBy`
 */
export const sayHello = async (stream: Stream, { remotePeer, hello, check, signal }: HelloParty): Promise<Greeting> => {
  const messages = open(stream)
  await messages.write(HelloRequest.encode(hello()), signal)
  const answer = decodeAnswer(await messages.read(signal), remotePeer)
  const greeting = await orTell(check(answer), async (error) => messages.write(encodeAck(error), signal))
  await messages.write(encodeAck(), signal)
  return greeting
}

/** The side that was dialled. @throws as {@link sayHello} */
export const hearHello = async (
  stream: Stream,
  { remotePeer, hello, check, signal }: HelloParty
): Promise<Greeting> => {
  const messages = open(stream)
  const hear = async (): Promise<Greeting> => check(decodeHello(await messages.read(signal)))
  const greeting = await orTell(hear(), async (error) => messages.write(encodeRefusal(error), signal))
  await messages.write(encodeAnswer(hello()), signal)
  decodeAck(await messages.read(signal), remotePeer)
  return greeting
}
