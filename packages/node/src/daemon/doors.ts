import { formatTarget, MeshError, parseTarget, toMeshError, type Target } from '@agent-mesh/wire'
import { parseListenAddress, type DataPlane, type ForwardStatus } from '@agent-mesh/data-plane'
import type { ForwardDocument, ForwardRequest } from '@agent-mesh/wire/api'
import type { Config } from '../config/schema.ts'
import type { VerbStore } from '../state/verb-store.ts'
import type { EventBus } from './event-bus.ts'

export interface DoorsInit {
  verbs: VerbStore
  config: Config
  dataPlane: DataPlane
  events: EventBus
  /** What kind of service a target leads to, where its record is at hand. */
  kindOf: (target: Target) => ForwardDocument['kind']
}

/** The local forwards: those of the file, those that verbs added and that come back after a restart, and passing ones. */
export class Doors {
  readonly #init: DoorsInit
  /** Ids of forwards that are in `state.json`. */
  readonly #persistent = new Set<string>()
  /** Forwards that could not be opened again at start; kept for the next one. */
  readonly failures: Array<{ listen: string; error: MeshError }> = []

  constructor(init: DoorsInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    for (const { listen, target } of this.#init.config.forwards) await this.#open(listen, target, false)
    for (const { listen, target } of this.#init.verbs.state.forwards) await this.#open(listen, target, true)
  }

  /** @throws MeshError ADDRESS_INVALID, ADDRESS_IN_USE, TARGET_INVALID, STATE_UNREADABLE */
  async add({ listen, target: text, foreground }: ForwardRequest): Promise<ForwardDocument> {
    const target = formatTarget(parseTarget(text, this.#init.config.proxy.suffix))
    const forward = await this.#init.dataPlane.addForward({
      listen: parseListenAddress(listen),
      target: parseTarget(target)
    })
    if (foreground !== true) {
      try {
        await this.#init.verbs.update((state) => ({
          ...state,
          forwards: [...state.forwards, { listen: forward.listen, target }]
        }))
      } catch (err) {
        this.#init.dataPlane.removeForward(forward.id)
        throw err
      }
      this.#persistent.add(forward.id)
    }
    return this.#document(forward)
  }

  /** @throws MeshError FORWARD_UNKNOWN */
  async remove(idOrListen: string): Promise<ForwardDocument> {
    const forward = this.#init.dataPlane
      .listForwards()
      .find((one) => one.id === idOrListen || one.listen === idOrListen)
    if (forward === undefined) throw new MeshError('FORWARD_UNKNOWN', `There is no forward ${idOrListen}.`)
    const document = this.#document(forward)
    await this.#init.verbs.update((state) => ({
      ...state,
      forwards: state.forwards.filter((one) => one.listen !== forward.listen)
    }))
    this.#init.dataPlane.removeForward(forward.id)
    this.#persistent.delete(forward.id)
    return document
  }

  list(): ForwardDocument[] {
    return this.#init.dataPlane.listForwards().map((forward) => this.#document(forward))
  }

  async #open(listen: string, target: string, isPersistent: boolean): Promise<void> {
    try {
      const forward = await this.#init.dataPlane.addForward({
        listen: parseListenAddress(listen),
        target: parseTarget(target)
      })
      if (isPersistent) this.#persistent.add(forward.id)
    } catch (err) {
      const error = toMeshError(err)
      this.failures.push({ listen, error })
      this.#init.events.emit('error', 'forward:failed', { listen, target, code: error.code, message: error.message })
    }
  }

  #document(forward: ForwardStatus): ForwardDocument {
    const { failedTunnels: _, ...rest } = forward
    const kind = this.#init.kindOf(parseTarget(forward.target))
    return { ...rest, ...(kind === undefined ? {} : { kind }), isPersistent: this.#persistent.has(forward.id) }
  }
}
