import type { Destination } from '../../destination.ts'
import { rankedMs } from '../../../picker/recent.ts'
import { standardDeadlineMs, type ListCandidates } from '../../open-target.ts'
import { preferred } from './preference.ts'
import { Shunned } from './shunned.ts'
import { Stickiness } from './stickiness.ts'

/** Whom to ask. */
export interface Found {
  /** Of one agent, where the request was for a capability. */
  destination: Destination
  /** Absent where the request was not for a capability. */
  peerId: string | undefined
  /** Others could be asked beside it. */
  hasOthers: boolean
}

interface Asking {
  /** Connection of the client. */
  client: object
  /** Peers that were asked already. */
  asked: ReadonlySet<string>
  signal: AbortSignal
}

export interface FinderInit {
  candidates: ListCandidates
  /** Tunnels to `<peer id>/<service>` that are open and do no work. */
  waiting: (key: string) => number
  /** Monotonic milliseconds. */
  now: () => number
}

/** How long an agent that failed is asked last: until those who watch it know, in milliseconds. */
const shunnedMs = 2_000

/** Finds the agent for a request: for a capability one of several, else the only one. */
export class Finder {
  /** How long agents are looked for and opened to, one after the other, in milliseconds. */
  static readonly deadlineMs = standardDeadlineMs

  readonly #init: FinderInit
  readonly #stickiness = new Stickiness()
  readonly #shunned: Shunned

  constructor(init: FinderInit) {
    this.#init = init
    this.#shunned = new Shunned(shunnedMs, init.now)
  }

  static isCapability(destination: Destination): boolean {
    return destination.kind === 'mesh' && destination.target.kind === 'capability'
  }

  /**
   * @returns undefined where all were asked
   * @throws MeshError what the resolver throws
   */
  async find(destination: Destination, { client, asked, signal }: Asking): Promise<Found | undefined> {
    if (destination.kind !== 'mesh' || destination.target.kind !== 'capability')
      return { destination, peerId: undefined, hasOthers: false }
    const { candidates, waiting } = this.#init
    const { capability } = destination.target
    const maxAgeMs = asked.size === 0 ? rankedMs : 0
    const left = preferred(await candidates(destination.target, { signal, waiting, maxAgeMs }), {
      sticky: this.#stickiness.get(client, capability),
      asked,
      isShunned: (peer) => this.#shunned.has(peer)
    })
    const [first] = left
    if (first?.service === undefined) return undefined
    const peerId = first.peerId.toString()
    const target = { kind: 'peer', peerId, service: first.service } as const
    return { destination: { kind: 'mesh', target }, peerId, hasOthers: left.length > 1 }
  }

  /** @param isToStay - the next requests of this client go there too */
  answered(
    { peerId }: Found,
    { client, destination }: { client: object; destination: Destination },
    isToStay: boolean
  ): void {
    if (peerId === undefined || destination.kind !== 'mesh' || destination.target.kind !== 'capability') return
    this.#shunned.clear(peerId)
    if (isToStay) this.#stickiness.set(client, destination.target.capability, peerId)
  }

  failed({ peerId }: Found): void {
    if (peerId !== undefined) this.#shunned.add(peerId)
  }
}
