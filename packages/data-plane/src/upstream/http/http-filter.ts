import { MeshError, toMeshError } from '@agent-mesh/wire'
import type { SpliceFilter } from '../../tunnel/splice.ts'
import type { Field } from './head.ts'
import { RequestFilter } from './request-filter.ts'
import { ResponseWatch } from './response-watch.ts'

/** Requests of one connection that the service has not begun to answer. */
const mostWaiting = 1024

/** What a client is told in HTTP where its request is refused here. */
const answerTo = (error: MeshError): Buffer => {
  const { code, message } = error
  const body = JSON.stringify({ type: 'about:blank', title: 'Bad Request', status: 400, detail: message, code })
  return Buffer.from(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}

/** Both directions of one connection to an HTTP/1.1 service: requests say who calls, answers pass. */
export class HttpFilter implements SpliceFilter {
  readonly #requests: RequestFilter
  readonly #answers: ResponseWatch
  #onRelease: (pieces: Buffer[]) => void = () => {}

  /** @param identity - fields that say who calls; asked for every request */
  constructor(identity: () => readonly Field[]) {
    this.#answers = new ResponseWatch((isSwitched) => {
      // the request may be on its way through this very filter
      queueMicrotask(() => this.#onRelease(this.#requests.release(isSwitched)))
    })
    this.#requests = new RequestFilter({ identity, onRequest: (request) => this.#answers.sent(request) })
  }

  get isHeld(): boolean {
    return this.#requests.isHeld
  }

  onRelease(listener: (pieces: Buffer[]) => void): void {
    this.#onRelease = listener
  }

  toLocal(chunk: Buffer): Buffer[] {
    if (this.#answers.waiting > mostWaiting)
      throw new MeshError('HTTP_INVALID', `The request is refused: ${mostWaiting} before it have no answer yet.`)
    return this.#requests.push(chunk)
  }

  fromLocal(chunk: Buffer): void {
    this.#answers.push(chunk)
  }

  /** Nothing can be said in the middle of an answer. */
  refusalOf(err: unknown): Buffer | undefined {
    return this.#answers.isIdle ? answerTo(toMeshError(err)) : undefined
  }
}
