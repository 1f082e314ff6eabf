import { limits, MeshError } from '@agent-mesh/wire'
import type { Service } from '../interfaces.ts'

/** The services that this node offers, by name. */
export class ServiceTable {
  readonly #services = new Map<string, Service>()

  /** @throws MeshError SERVICE_TAKEN, LIMIT_EXCEEDED */
  add(service: Service, { replace = false }: { replace?: boolean } = {}): void {
    const isKnown = this.#services.has(service.name)
    if (isKnown && !replace) throw new MeshError('SERVICE_TAKEN', `A service "${service.name}" exists already.`)
    if (!isKnown && this.#services.size >= limits.servicesPerNode) {
      throw new MeshError('LIMIT_EXCEEDED', `A node offers at most ${limits.servicesPerNode} services.`)
    }
    this.#services.set(service.name, service)
  }

  /**
   * Takes a service away; tunnels that run to it go on.
   * @throws MeshError SERVICE_UNKNOWN
   */
  remove(name: string): Service {
    const service = this.#services.get(name)
    if (service === undefined) throw new MeshError('SERVICE_UNKNOWN', `This node offers no service "${name}".`)
    this.#services.delete(name)
    return service
  }

  find(name: string): Service | undefined {
    return this.#services.get(name)
  }

  list(): Service[] {
    return [...this.#services.values()]
  }
}
