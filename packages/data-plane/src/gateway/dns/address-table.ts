import { createHash } from 'node:crypto'
import { MeshError } from '@agent-mesh/wire'
import { addressAt, type LoopbackRange } from './loopback-range.ts'

export interface AddressTableInit {
  range: LoopbackRange
  /** Most hosts that have an address at once. */
  most: number
  /** Makes the addresses of this node others than those of another one on the same machine. */
  salt: string
  /** Monotonic milliseconds. */
  now: () => number
}

interface Place {
  index: number
  /** Until then somebody may still use what was answered. */
  keepUntilMs: number
  /** Connections to it that are open. */
  open: number
}

/** Hosts that lost their place and whose addresses others get last of all. */
const mostFormer = 4_096
/** Addresses that other programs were found on. */
const mostForeign = 256

/** The oldest goes where there are too many. */
const trim = <K>(map: { size: number; keys: () => Iterator<K>; delete: (key: K) => unknown }, most: number): void => {
  if (map.size <= most) return
  const { value, done } = map.keys().next()
  if (done !== true) map.delete(value)
}

/**
 * Which host has which address. A host keeps its own while it is in the table, and gets the same one again, also in the
 * next run of the node, where no other host took it meanwhile: whoever kept an old answer must not end up elsewhere.
 */
export class AddressTable {
  readonly #init: AddressTableInit
  readonly #most: number
  /** Least recently used first. */
  readonly #places = new Map<string, Place>()
  readonly #taken = new Map<number, string>()
  readonly #former = new Map<string, number>()
  readonly #foreign = new Set<number>()

  constructor(init: AddressTableInit) {
    this.#init = init
    this.#most = Math.min(init.most, init.range.count)
  }

  get size(): number {
    return this.#places.size
  }

  addressOf(host: string): string | undefined {
    const place = this.#places.get(host)
    return place === undefined ? undefined : addressAt(this.#init.range, place.index)
  }

  /**
   * Gives a host an address where it has none; where all are given away, that of the host that was not used for longest.
   * @returns the host that lost its place, if one had to
   * @throws MeshError LIMIT_EXCEEDED where all of them are in use
   */
  assign(host: string): { address: string; lost?: string } {
    const { range, now } = this.#init
    const known = this.#places.get(host)
    if (known !== undefined) return { address: addressAt(range, known.index) }
    const lost = this.#places.size < this.#most ? undefined : this.#oldest(now())
    if (lost !== undefined) this.forget(lost)
    const index = this.#choose(host)
    this.#former.delete(host)
    this.#places.set(host, { index, keepUntilMs: now(), open: 0 })
    this.#taken.set(index, host)
    return { address: addressAt(range, index), ...(lost === undefined ? {} : { lost }) }
  }

  /** The address of a host was told, and is kept for so long. */
  touch(host: string, keepMs: number): void {
    const place = this.#places.get(host)
    if (place === undefined) return
    place.keepUntilMs = Math.max(place.keepUntilMs, this.#init.now() + keepMs)
    this.#places.delete(host)
    this.#places.set(host, place)
  }

  /** A connection to the address of a host is open until the function that comes back is called. */
  hold(host: string): () => void {
    const place = this.#places.get(host)
    if (place === undefined) return () => {}
    place.open += 1
    let isHeld = true
    return () => {
      if (isHeld) place.open -= 1
      isHeld = false
    }
  }

  forget(host: string): void {
    const place = this.#places.get(host)
    if (place === undefined) return
    this.#places.delete(host)
    this.#taken.delete(place.index)
    this.#former.set(host, place.index)
    trim(this.#former, mostFormer)
  }

  /** Another program is on the address of a host: it is given to nobody for a while. */
  avoid(host: string): void {
    const place = this.#places.get(host)
    if (place === undefined) return
    this.forget(host)
    this.#former.delete(host)
    this.#foreign.add(place.index)
    trim(this.#foreign, mostForeign)
  }

  #oldest(nowMs: number): string {
    for (const [host, { keepUntilMs, open }] of this.#places) if (open === 0 && keepUntilMs <= nowMs) return host
    throw new MeshError('LIMIT_EXCEEDED', `All ${this.#most} addresses of ${this.#init.range.text} are in use.`, {
      hint: 'Set a larger proxy.dns_range, or use the SOCKS or HTTP proxy.'
    })
  }

  /** By a hash of the host; what another host had before, and what other programs hold, only where nothing else is left. */
  #choose(host: string): number {
    const { range, salt } = this.#init
    const before = this.#former.get(host)
    if (before !== undefined && !this.#taken.has(before)) return before
    const start = createHash('sha256').update(`${salt} ${host}`).digest().readUInt32BE() % range.count
    const formerly = new Set(this.#former.values())
    for (let step = 0; step < range.count; step++) {
      const index = (start + step) % range.count
      if (!this.#taken.has(index) && !formerly.has(index) && !this.#foreign.has(index)) return index
    }
    const index = [...formerly, ...this.#foreign].find((one) => !this.#taken.has(one))
    if (index !== undefined) return index
    throw new MeshError('LIMIT_EXCEEDED', `All addresses of ${range.text} are in use.`)
  }
}
