import {
  connectCommand,
  encodeMethod,
  encodeReply,
  encodeSocks4Refusal,
  noAuthentication,
  noMethod,
  replies,
  version
} from './codec.ts'

/** Whom a client asked for. */
export interface ConnectRequest {
  host: string
  port: number
}

/** What the bytes so far call for, in this order: `send` first, then one of the other two. */
export interface SessionStep {
  send?: Uint8Array
  /** The client has said whom it wants; `rest` followed its request. */
  connect?: ConnectRequest & { rest: Uint8Array }
  /** The session is over once `send` is out. */
  refused?: string
}

type State = { at: 'greeting' } | { at: 'request' } | { at: 'over' }

/** What was read of a buffer: a step and how many bytes it used, or nothing while there are too few. */
interface Read {
  step: SessionStep
  used: number
  next: State
}

const ipv4 = 0x01
const domainName = 0x03
const ipv6 = 0x04
/** VER, CMD, RSV, ATYP. */
const requestHead = 4
const notSocks = `HTTP/1.0 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is a SOCKS5 proxy, not an HTTP one. mesh-node proxy --list shows both.\n`

const over = (why: string, send: Uint8Array, used: number): Read => ({
  step: { send, refused: why },
  used,
  next: { at: 'over' }
})

const readGreeting = (bytes: Uint8Array): Read | undefined => {
  const [first, count] = bytes
  if (first === undefined) return undefined
  if (first === 4) return over('SOCKS4', encodeSocks4Refusal(), bytes.length)
  if (first >= 0x41 && first <= 0x5a) return over('HTTP', new TextEncoder().encode(notSocks), bytes.length)
  if (first !== version) return over(`version ${first}`, encodeMethod(noMethod), bytes.length)
  if (count === undefined || bytes.length < 2 + count) return undefined
  const used = 2 + count
  if (!bytes.subarray(2, used).includes(noAuthentication))
    return over('no method without authentication', encodeMethod(noMethod), used)
  return { step: { send: encodeMethod(noAuthentication) }, used, next: { at: 'request' } }
}

const formatIpv6 = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(':')
}

/** Length of an address with its own length byte; undefined where that byte is not there yet, 0 for a foreign type. */
const addressLength = (type: number, bytes: Uint8Array): number | undefined => {
  if (type === ipv4) return 4
  if (type === ipv6) return 16
  if (type !== domainName) return 0
  const length = bytes[requestHead]
  return length === undefined ? undefined : 1 + length
}

const readHost = (type: number, bytes: Uint8Array): string => {
  if (type === ipv4) return bytes.join('.')
  if (type === ipv6) return formatIpv6(bytes)
  return Buffer.from(bytes.subarray(1)).toString('latin1')
}

const readRequest = (bytes: Uint8Array): Read | undefined => {
  const [first, command, reserved, type] = bytes
  if (first !== undefined && first !== version)
    return over(`version ${first} in the request`, encodeReply(replies.generalFailure), bytes.length)
  if (command === undefined || reserved === undefined || type === undefined) return undefined
  if (reserved !== 0) return over('the reserved byte is set', encodeReply(replies.generalFailure), bytes.length)
  const length = addressLength(type, bytes)
  if (length === 0) return over(`address type ${type}`, encodeReply(replies.addressTypeNotSupported), bytes.length)
  if (length === undefined || bytes.length < requestHead + length + 2) return undefined
  const used = requestHead + length + 2
  if (command !== connectCommand)
    return over(`command ${command}`, encodeReply(replies.commandNotSupported), bytes.length)
  const host = readHost(type, bytes.subarray(requestHead, requestHead + length))
  const port = ((bytes[used - 2] ?? 0) << 8) | (bytes[used - 1] ?? 0)
  if (port === 0 || host === '') return over('no host or no port', encodeReply(replies.generalFailure), bytes.length)
  return { step: { connect: { host, port, rest: bytes.subarray(used) } }, used, next: { at: 'over' } }
}

/**
 * One client of a SOCKS5 proxy (RFC 1928) up to its request: bytes in, whatever their split, steps out. It holds no more
 * than one greeting and one request.
 */
export class SocksSession {
  #state: State = { at: 'greeting' }
  #held: Uint8Array = new Uint8Array()

  /** Bytes that came, and what they call for. */
  push(bytes: Uint8Array): SessionStep[] {
    const steps: SessionStep[] = []
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    while (this.#state.at !== 'over') {
      const read = this.#state.at === 'greeting' ? readGreeting(this.#held) : readRequest(this.#held)
      if (read === undefined) break
      this.#held = this.#held.subarray(read.used)
      this.#state = read.next
      steps.push(read.step)
    }
    return steps
  }

  /** The client has said all that it has to. */
  get isOver(): boolean {
    return this.#state.at === 'over'
  }
}
