import type { AuditEntry, AuditKind } from '@agent-mesh/wire/api'

/** Which entries are wanted; what is absent does not matter. */
export interface AuditFilter {
  /** Peer id or name. */
  peer?: string
  service?: string
  kind?: AuditKind
  /** Milliseconds since 1970, both inclusive. */
  sinceMs?: number
  untilMs?: number
}

export const matches = (entry: AuditEntry, { peer, service, kind, sinceMs, untilMs }: AuditFilter): boolean => {
  const timeMs = Date.parse(entry.time)
  return (
    (peer === undefined || entry.peer === peer || entry.name === peer) &&
    (service === undefined || entry.service === service) &&
    (kind === undefined || entry.kind === kind) &&
    (sinceMs === undefined || timeMs >= sinceMs) &&
    (untilMs === undefined || timeMs <= untilMs)
  )
}
