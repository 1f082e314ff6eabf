import type { Status } from '@agent-mesh/wire/api'
import { limits } from '@agent-mesh/wire/limits'

/** What a stopping node may need beyond the draining of its tunnels. */
const marginMs = 10_000

/** How long a node may take to stop, by its own `drain_timeout`, in milliseconds. */
export const stopDeadlineMs = (settings: Status['settings'] = []): number => {
  const drainMs = Number(settings.find(({ key }) => key === 'drain_timeout')?.value)
  return (Number.isFinite(drainMs) ? drainMs : limits.drainTimeoutMs) + marginMs
}
