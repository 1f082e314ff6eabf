import type { Stream } from '@libp2p/interface'
import { fromWireCode, TunnelAnswer, TunnelOpen, type ErrorCode, type Metadata } from '@agent-mesh/wire'
import { PreambleDecoder, withLength } from '../src/tunnel/preamble.ts'

/** An open message as it goes over the wire. */
export const openOf = (service: string, metadata: Metadata[] = [], deadlineMs = 0): Uint8Array =>
  withLength(TunnelOpen.encode({ service, metadata, deadlineMs }))

/** A hand-written other side of the tunnel protocol: says what it likes and records what it hears. */
export class RawPeer {
  readonly stream: Stream
  readonly closed: Promise<void>
  #heard: Buffer = Buffer.alloc(0)

  constructor(stream: Stream) {
    this.stream = stream
    stream.addEventListener('message', (event) => {
      this.#heard = Buffer.concat([this.#heard, event.data.subarray()])
    })
    this.closed = new Promise((resolve) => stream.addEventListener('close', () => resolve(), { once: true }))
  }

  get isClosed(): boolean {
    return this.stream.status !== 'open'
  }

  say(...parts: Uint8Array[]): void {
    this.stream.send(Buffer.concat(parts))
  }

  open(service: string, metadata: Metadata[] = [], deadlineMs = 0): void {
    this.say(openOf(service, metadata, deadlineMs))
  }

  /** The answer that has come, and the bytes after it. */
  get answer(): { message: TunnelAnswer; rest: Buffer } | undefined {
    const complete = new PreambleDecoder().push(this.#heard)
    return complete === undefined
      ? undefined
      : { message: TunnelAnswer.decode(complete.message), rest: Buffer.from(complete.rest) }
  }

  /** Code of the answer, `OK` where it accepts. */
  get answerCode(): ErrorCode | 'OK' | undefined {
    const code = this.answer?.message.code
    return code === undefined ? undefined : code === 0 ? 'OK' : fromWireCode(code)
  }

  /** Code of a RESET frame at the end of what came. */
  get resetCode(): ErrorCode | undefined {
    const tail = this.answer?.rest.subarray(-8)
    return tail?.length === 8 && tail[0] === 2 ? fromWireCode(tail.readUInt32BE(4)) : undefined
  }
}
