import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { formatServedBy, type ServedBy } from '@agent-mesh/wire/served-by'
import { mayRepeat, toLostError } from './repeat.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Handler['onResponseStart']>>[2]

/** Passes everything on. */
class Relay implements Handler {
  readonly #handler: Handler

  constructor(handler: Handler) {
    this.#handler = handler
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(controller: Controller, statusCode: number, headers: Headers, socket: Duplex): void {
    this.#handler.onRequestUpgrade?.(controller, statusCode, headers, socket)
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onResponseStart(controller: Controller, statusCode: number, headers: Headers, statusMessage?: string): void {
    this.#handler.onResponseStart?.(controller, statusCode, headers, statusMessage)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#handler.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#handler.onResponseError?.(controller, error)
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }
}

const servedByHeader = 'mesh-served-by'

const isServedBy = (name: unknown): boolean => String(name).toLowerCase() === servedByHeader

/** Adds who answered to the headers of an answer; what the service says of that is taken away. */
export class Named extends Relay {
  readonly #answerer: () => ServedBy | undefined

  constructor(handler: Handler, answerer: () => ServedBy | undefined) {
    super(handler)
    this.#answerer = answerer
  }

  override onResponseStart(controller: Controller, statusCode: number, headers: Headers, message?: string): void {
    const answerer = this.#answerer()
    const added = answerer === undefined ? [] : [servedByHeader, formatServedBy(answerer)]
    const { rawHeaders } = controller
    // Some readers look at the raw headers and some at the others.
    if (Array.isArray(rawHeaders)) {
      const raw: Array<Buffer | string> = rawHeaders
      const kept = raw.filter((_, index) => !isServedBy(raw[index - (index % 2)]))
      controller.rawHeaders = [...kept.map((part) => Buffer.from(part)), ...added.map((part) => Buffer.from(part))]
    }
    const kept = Object.entries(headers).filter(([name]) => !isServedBy(name))
    const [name, value] = added
    const named = name === undefined ? kept : [...kept, [name, value] as const]
    super.onResponseStart(controller, statusCode, Object.fromEntries(named), message)
  }
}

/** Sends a request again where that is safe, see {@link mayRepeat}. */
class Attempt extends Relay {
  readonly #options: Dispatcher.DispatchOptions
  readonly #send: (handler: Handler) => boolean
  #attempts = 0
  #hasAnswer = false

  constructor(options: Dispatcher.DispatchOptions, handler: Handler, send: (handler: Handler) => boolean) {
    super(handler)
    this.#options = options
    this.#send = send
  }

  dispatch(): boolean {
    this.#attempts += 1
    return this.#send(this)
  }

  override onResponseStarted(): void {
    this.#hasAnswer = true
    super.onResponseStarted()
  }

  override onResponseStart(controller: Controller, statusCode: number, headers: Headers, message?: string): void {
    this.#hasAnswer = true
    super.onResponseStart(controller, statusCode, headers, message)
  }

  override onRequestUpgrade(controller: Controller, statusCode: number, headers: Headers, socket: Duplex): void {
    this.#hasAnswer = true
    super.onRequestUpgrade(controller, statusCode, headers, socket)
  }

  override onResponseError(controller: Controller, error: Error): void {
    const { method, body } = this.#options
    const failed = { method, hasBody: body != null, hasAnswer: this.#hasAnswer, attempts: this.#attempts, error }
    if (mayRepeat(failed)) {
      this.dispatch()
      return
    }
    const lost = toLostError(error)
    super.onResponseError(controller, lost instanceof Error ? lost : error)
  }
}

/** Interceptor of a dispatcher: repeats what may be repeated. */
export const repeating: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  new Attempt(options, handler, (again) => dispatch(options, again)).dispatch()
