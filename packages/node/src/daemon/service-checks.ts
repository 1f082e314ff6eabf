import { errorKinds, MeshError } from '@agent-mesh/wire'
import {
  checkDefaults,
  Checks,
  defaultCheck,
  formatCheck,
  parseCheck,
  probe,
  type CheckSettings,
  type CheckVerdict,
  type DataPlaneEvent,
  type Service
} from '@agent-mesh/data-plane'
import type { CheckDocument, CheckRequest } from '@agent-mesh/wire/api'
import type { ServiceHealth } from '@agent-mesh/control-plane'
import type { Config } from '../config/schema.ts'
import type { EventBus } from './event-bus.ts'

/** How a service is checked, from what was said of it and the defaults. @throws MeshError SERVICE_INVALID */
export const checkSettings = (service: Service, said: CheckRequest = {}): CheckSettings | undefined => {
  const kind = said.kind === undefined ? defaultCheck(service) : parseCheck(said.kind)
  if (kind === undefined) return undefined
  if (service.address.type === 'stdio')
    throw new MeshError(
      'SERVICE_INVALID',
      `${service.name} is started for each tunnel, which leaves nothing to check.`,
      {
        hint: 'Serve it with --no-check.'
      }
    )
  return {
    kind,
    intervalMs: said.intervalMs ?? checkDefaults.intervalMs,
    timeoutMs: said.timeoutMs ?? checkDefaults.timeoutMs,
    threshold: said.threshold ?? checkDefaults.threshold
  }
}

/** How a service is checked, for the screen. */
export const checkDocument = (settings: CheckSettings | undefined): CheckDocument =>
  settings === undefined ? { kind: formatCheck(undefined) } : { ...settings, kind: formatCheck(settings.kind) }

/** What was said of a check, without what is left to the defaults. */
export const saidOfCheck = ({
  kind,
  intervalMs,
  timeoutMs,
  threshold
}: { [Key in keyof CheckRequest]: CheckRequest[Key] | undefined }): CheckRequest => ({
  ...(kind === undefined ? {} : { kind }),
  ...(intervalMs === undefined ? {} : { intervalMs }),
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
  ...(threshold === undefined ? {} : { threshold })
})

/** What the configuration file says of a check. */
export const saidInFile = (
  said: Pick<Config['services'][number], 'check' | 'check_interval' | 'check_timeout' | 'check_threshold'>
): CheckRequest =>
  saidOfCheck({
    kind: said.check,
    intervalMs: said.check_interval,
    timeoutMs: said.check_timeout,
    threshold: said.check_threshold
  })

type ServiceListener = (service: string, verdict: CheckVerdict) => void

/** The active checks of what this node serves. */
export class ServiceChecks {
  readonly #checks: Checks
  readonly #listeners = new Set<ServiceListener>()

  constructor({ events }: { events: Pick<EventBus, 'emit'> }) {
    this.#checks = new Checks({
      probe,
      now: Date.now,
      random: Math.random,
      setTimeout: (task, delayMs) => {
        const timer = setTimeout(task, delayMs).unref()
        return () => clearTimeout(timer)
      },
      onChange: (service, verdict) => {
        const { state, reason } = verdict
        events.emit(state === 'failing' ? 'warn' : 'info', `service:${state}`, {
          service,
          ...(reason === undefined ? {} : { reason })
        })
        for (const listener of this.#listeners) listener(service, verdict)
      }
    })
  }

  put(service: Service, settings: CheckSettings | undefined): void {
    const { name, address, wantsProxyHeader } = service
    if (settings === undefined || address.type === 'stdio') this.#checks.remove(name)
    else this.#checks.put({ name, address, wantsProxyHeader }, settings)
  }

  remove(name: string): void {
    this.#checks.remove(name)
  }

  /** What the checks of a service say; undefined where it is not checked. */
  of(name: string): Omit<ServiceHealth, 'name' | 'weight'> | undefined {
    const verdict = this.#checks.of(name)
    if (verdict === undefined) return undefined
    const { state, sinceMs, reason } = verdict
    return { state, sinceMs, ...(reason === undefined ? {} : { reason }) }
  }

  /** A tunnel that finds no service at its end has the service checked without waiting for its turn. */
  onTunnel(event: DataPlaneEvent): void {
    if (event.event !== 'tunnel:refused' || event.service === undefined) return
    if (errorKinds[event.code].layer === 'upstream') this.#checks.hurry(event.service)
  }

  /** Called whenever a service is healthy or failing and was not before. @returns the way to stop listening */
  onChange(listener: ServiceListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  stop(): void {
    this.#checks.stop()
  }
}
