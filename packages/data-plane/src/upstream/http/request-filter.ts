import { limits, MeshError } from '@agent-mesh/wire'
import { BodyScanner } from './body-scanner.ts'
import { requestFraming } from './framing.ts'
import { elementsOf, parseRequestHead, valuesOf, type Field, type RequestHead } from './head.ts'
import { isIdentityField } from './identity-fields.ts'
import { LineBuffer } from './line-buffer.ts'

/** A request whose head has gone on to the service. */
export interface SentRequest {
  method: string
  /** After a 101, or after a 2xx to a CONNECT, the bytes belong to another protocol. */
  isSwitch: boolean
}

export interface RequestFilterInit {
  /** Fields that say who calls; asked for every request. */
  identity: () => readonly Field[]
  onRequest: (request: SentRequest) => void
}

type State =
  | { at: 'head' }
  | { at: 'body'; scanner: BodyScanner }
  /** Until the service has answered a request that may switch the protocol. */
  | { at: 'held'; waiting: Buffer[] }
  | { at: 'raw' }

const carriageReturn = 13
const lineFeed = 10
/** Empty lines before a request, which RFC 9112 §2.2 lets a recipient pass over. */
const mostEmptyLines = 4

const invalid = (why: string): MeshError => new MeshError('HTTP_INVALID', `The request is refused: ${why}.`)

/**
 * The requests of one connection on their way to an HTTP/1.1 service: every head gets the fields that say who calls, in
 * place of whatever the client wrote under their names; all else passes as it came. What two programs could read in two
 * ways is refused. Bytes go in, bytes come out; any split of them gives the same.
 */
export class RequestFilter {
  readonly #init: RequestFilterInit
  readonly #head = new LineBuffer()
  #state: State = { at: 'head' }
  #emptyBytes = 0

  constructor(init: RequestFilterInit) {
    this.#init = init
  }

  /** Nothing goes on before {@link release}; the reader should be paused. */
  get isHeld(): boolean {
    return this.#state.at === 'held'
  }

  /** @throws MeshError HTTP_INVALID, after which nothing more may be pushed */
  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = []
    let rest: Buffer | undefined = chunk
    while (rest !== undefined && rest.length > 0) rest = this.#step(rest, out)
    return out
  }

  /**
   * The service has answered the request that may switch the protocol.
   * @param isSwitched - the connection speaks another protocol from here on
   */
  release(isSwitched: boolean): Buffer[] {
    if (this.#state.at !== 'held') return []
    const { waiting } = this.#state
    this.#state = isSwitched ? { at: 'raw' } : { at: 'head' }
    return waiting.flatMap((chunk) => this.push(chunk))
  }

  #step(chunk: Buffer, out: Buffer[]): Buffer | undefined {
    const state = this.#state
    switch (state.at) {
      case 'raw':
        out.push(chunk)
        return undefined
      case 'held':
        state.waiting.push(chunk)
        return undefined
      case 'body': {
        const scanned = state.scanner.push(chunk)
        out.push(...scanned.out)
        if (scanned.rest !== undefined) this.#state = { at: 'head' }
        return scanned.rest
      }
      default:
        return this.#onHead(chunk, out)
    }
  }

  #onHead(chunk: Buffer, out: Buffer[]): Buffer | undefined {
    const rest = this.#head.waiting === 0 ? this.#afterEmptyLines(chunk) : chunk
    if (rest.length === 0) return undefined
    const taken = this.#head.take(rest, '\r\n\r\n', limits.httpHeadBytes)
    if (taken === undefined) return undefined
    this.#emptyBytes = 0
    const head = parseRequestHead(taken.bytes)
    const framing = requestFraming(head)
    check(head)
    const isSwitch = head.method === 'CONNECT' || elementsOf(head.fields, 'upgrade').length > 0
    if (head.method === 'CONNECT' && framing.by !== 'none') throw invalid('a CONNECT has no body')
    out.push(compose(head, this.#init.identity()))
    const scanner = new BodyScanner(framing, isIdentityField)
    // a body before the switch is HTTP still; it is rare enough to be refused
    const mayHold = isSwitch && !isH2cAlone(head)
    if (mayHold && framing.by !== 'none') throw invalid('a request that upgrades has a body')
    this.#init.onRequest({ method: head.method, isSwitch: mayHold })
    this.#state = mayHold
      ? { at: 'held', waiting: [] }
      : framing.by === 'none'
        ? { at: 'head' }
        : { at: 'body', scanner }
    return taken.rest
  }

  #afterEmptyLines(chunk: Buffer): Buffer {
    let at = 0
    while (at < chunk.length && (chunk[at] === carriageReturn || chunk[at] === lineFeed)) at += 1
    this.#emptyBytes += at
    if (this.#emptyBytes > 2 * mostEmptyLines) throw invalid('it begins with too many empty lines')
    return chunk.subarray(at)
  }
}

/** `h2c` would carry requests past this filter; a server is free to ignore it, so it is not passed on. */
const isH2cAlone = ({ method, fields }: RequestHead): boolean => {
  const protocols = elementsOf(fields, 'upgrade')
  return method !== 'CONNECT' && protocols.length > 0 && protocols.every((one) => one === 'h2c')
}

const check = (head: RequestHead): void => {
  const hosts = valuesOf(head.fields, 'host')
  if (hosts.length > 1) throw invalid('it has more than one Host')
  if (hosts.length === 0 && head.version === '1.1') throw invalid('it has no Host')
  const listed = elementsOf(head.fields, 'connection').find(isIdentityField)
  if (listed !== undefined) throw invalid(`its Connection would have ${listed.slice(0, 40)} removed on the way`)
  const protocols = elementsOf(head.fields, 'upgrade')
  if (protocols.includes('h2c') && !isH2cAlone(head)) throw invalid('it offers h2c beside another protocol')
}

const isPassed = (name: string, isUpgradeDropped: boolean): boolean => {
  if (isIdentityField(name)) return false
  return !isUpgradeDropped || !['upgrade', 'http2-settings'].includes(name.toLowerCase())
}

/** The head as the service gets it: the client's fields in their order and spelling, then who calls. */
const compose = (head: RequestHead, identity: readonly Field[]): Buffer => {
  const isUpgradeDropped = isH2cAlone(head)
  const lines = [
    `${head.method} ${head.target} HTTP/${head.version}`,
    ...[...head.fields.filter(({ name }) => isPassed(name, isUpgradeDropped)), ...identity].map(
      ({ name, value }) => `${name}: ${value}`
    )
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
