import { toMeshError, type MeshError } from '@agent-mesh/wire'
import type { Authorizer } from '../interfaces.ts'
import { denialError } from './denial.ts'
import type { TrackedTunnel, TunnelRegistry } from './registry.ts'

/** What a check of the running tunnels did. */
export interface Recheck {
  /** Inbound tunnels that were asked about. */
  checked: number
  /** Those of them that ended with the code of their denial. */
  cut: number
}

/**
 * Asks again for every running inbound tunnel, and cuts those that are denied by now with the code of the denial. The
 * others are not touched: nothing of theirs waits for it. Where the authorizer throws, it has not allowed.
 */
export const recheckTunnels = (registry: Pick<TunnelRegistry, 'inbound'>, authorizer: Authorizer): Recheck => {
  const running = registry.inbound()
  let cut = 0
  for (const tracked of running) {
    const denial = denialNow(tracked, authorizer)
    if (denial === undefined || tracked.tunnel.destroyed) continue
    tracked.tunnel.destroy(denial)
    cut += 1
  }
  return { checked: running.length, cut }
}

const denialNow = ({ opened }: TrackedTunnel, authorizer: Authorizer): MeshError | undefined => {
  if (opened?.peer === undefined) return undefined
  try {
    const verdict = authorizer.mayOpen(opened.peer, opened.service, { metadata: opened.metadata ?? [] })
    return verdict.allowed ? undefined : denialError(verdict, opened.service)
  } catch (err) {
    return toMeshError(err)
  }
}
