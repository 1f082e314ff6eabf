import { limits } from '@agent-mesh/wire'
import { BodyScanner } from './body-scanner.ts'
import { responseFraming } from './framing.ts'
import { parseResponseHead } from './head.ts'
import { LineBuffer } from './line-buffer.ts'
import type { SentRequest } from './request-filter.ts'

type State =
  | { at: 'head' }
  | { at: 'body'; scanner: BodyScanner }
  /** Another protocol, or an answer that cannot be followed: nothing is looked at any more. */
  | { at: 'unwatched' }

/**
 * Follows the answers of an HTTP/1.1 service, which pass as they are, to know what became of a request that may switch
 * the protocol, and whether an answer is under way.
 */
export class ResponseWatch {
  readonly #onSwitch: (isSwitched: boolean) => void
  readonly #waiting: SentRequest[] = []
  readonly #head = new LineBuffer()
  #state: State = { at: 'head' }

  /** @param onSwitch - called once for every request that may switch, when its final answer begins */
  constructor(onSwitch: (isSwitched: boolean) => void) {
    this.#onSwitch = onSwitch
  }

  /** Requests whose answer has not begun. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Every answer that began has ended, and none is owed: something else may be said to the client. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#state.at === 'head' && this.#head.waiting === 0
  }

  sent(request: SentRequest): void {
    this.#waiting.push(request)
    // whether it switches could not be told any more
    if (this.#state.at === 'unwatched' && request.isSwitch) this.#onSwitch(false)
  }

  push(chunk: Buffer): void {
    try {
      let rest: Buffer | undefined = chunk
      while (rest !== undefined && rest.length > 0) rest = this.#step(rest)
    } catch {
      this.#giveUp()
    }
  }

  #step(chunk: Buffer): Buffer | undefined {
    const state = this.#state
    if (state.at === 'unwatched') return undefined
    if (state.at === 'body') {
      const { rest } = state.scanner.push(chunk)
      if (rest !== undefined) this.#state = { at: 'head' }
      return rest
    }
    const taken = this.#head.take(chunk, '\r\n\r\n', limits.httpHeadBytes)
    if (taken === undefined) return undefined
    this.#onHead(taken.bytes)
    return taken.rest
  }

  #onHead(bytes: Buffer): void {
    const head = parseResponseHead(bytes)
    const isInterim = head.status < 200 && head.status !== 101
    if (isInterim) return
    const request = this.#waiting.shift()
    if (request === undefined) {
      this.#giveUp()
      return
    }
    const isSwitched =
      request.isSwitch && (request.method === 'CONNECT' ? head.status < 300 && head.status >= 200 : head.status === 101)
    if (isSwitched) this.#state = { at: 'unwatched' }
    else {
      const framing = responseFraming(head, request.method)
      this.#state = framing.by === 'none' ? { at: 'head' } : { at: 'body', scanner: new BodyScanner(framing) }
    }
    if (request.isSwitch) this.#onSwitch(isSwitched)
  }

  #giveUp(): void {
    this.#state = { at: 'unwatched' }
    if (this.#waiting.splice(0).some(({ isSwitch }) => isSwitch)) this.#onSwitch(false)
  }
}
