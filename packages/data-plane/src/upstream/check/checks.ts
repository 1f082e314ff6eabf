import type { SocketAddress } from '../../interfaces.ts'
import type { Probe } from './probe.ts'
import type { CheckSettings } from './settings.ts'
import { delayMs, nextVerdict, unchecked, type CheckVerdict } from './verdict.ts'

export interface ChecksInit {
  probe: Probe
  /** Milliseconds since 1970. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
  /** @returns the way to cancel it */
  setTimeout: (task: () => void, delayMs: number) => () => void
  /** Told when the state of a service is another one than before. */
  onChange?: (service: string, verdict: CheckVerdict) => void
}

/** A service that is checked. */
export interface Checked {
  name: string
  address: SocketAddress
  wantsProxyHeader?: boolean | undefined
}

interface Watch {
  service: Checked
  settings: CheckSettings
  verdict: CheckVerdict
  /** Set while a check runs. */
  running: AbortController | undefined
  cancelTimer: () => void
  /** When the last check ended. */
  checkedMs: number
}

/** Tunnels that fail one after the other do not make more checks than this allows. */
const hurryEveryMs = 1_000

/** Checks services, each at its own pace, one check of a service at a time. */
export class Checks {
  readonly #init: ChecksInit
  readonly #watches = new Map<string, Watch>()

  constructor(init: ChecksInit) {
    this.#init = init
  }

  /** Checks the service from this moment on; what was known of one with the same name is forgotten. */
  put(service: Checked, settings: CheckSettings): void {
    this.remove(service.name)
    const watch: Watch = {
      service,
      settings,
      verdict: unchecked(this.#init.now()),
      running: undefined,
      cancelTimer: () => {},
      checkedMs: -Infinity
    }
    this.#watches.set(service.name, watch)
    this.#schedule(watch, 0)
  }

  remove(name: string): void {
    const watch = this.#watches.get(name)
    this.#watches.delete(name)
    watch?.cancelTimer()
    watch?.running?.abort()
  }

  /** Undefined where the service is not checked. */
  of(name: string): CheckVerdict | undefined {
    return this.#watches.get(name)?.verdict
  }

  /** Checks at once, because somebody noticed that the service does not answer. */
  hurry(name: string): void {
    const watch = this.#watches.get(name)
    if (watch?.verdict.state !== 'healthy' || watch.verdict.against > 0) return
    if (this.#init.now() - watch.checkedMs < hurryEveryMs) return
    this.#schedule(watch, 0)
  }

  stop(): void {
    for (const name of this.#watches.keys()) this.remove(name)
  }

  #schedule(watch: Watch, afterMs: number): void {
    if (watch.running !== undefined) return
    watch.cancelTimer()
    watch.cancelTimer = this.#init.setTimeout(() => void this.#check(watch), afterMs)
  }

  async #check(watch: Watch): Promise<void> {
    const { probe, now, random, onChange } = this.#init
    const { service, settings } = watch
    const controller = new AbortController()
    watch.running = controller
    const { address, wantsProxyHeader } = service
    const result = await probe(address, settings, { signal: controller.signal, wantsProxyHeader })
    watch.running = undefined
    if (controller.signal.aborted) return
    const before = watch.verdict
    watch.checkedMs = now()
    watch.verdict = nextVerdict(before, result, settings, now())
    this.#schedule(watch, delayMs(watch.verdict, settings, random()))
    if (watch.verdict.state !== before.state) onChange?.(service.name, watch.verdict)
  }
}
