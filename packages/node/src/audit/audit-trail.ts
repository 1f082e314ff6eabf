import type { DataPlaneEvent } from '@agent-mesh/data-plane'
import type { AdmissionChange } from '@agent-mesh/control-plane'
import type { AuditEvent } from './entry.ts'

/** What the data plane reports, as an entry; undefined where it is not for the audit log. Outbound tunnels are audited by the other side. */
export const entryOfTunnel = (event: DataPlaneEvent, nameOf: (peerId: string) => string): AuditEvent | undefined => {
  switch (event.event) {
    case 'tunnel:opened': {
      const { direction, peerId, service, rule } = event
      if (direction === 'outbound') return undefined
      return { kind: 'open', ...who(peerId, nameOf), service, ...optional({ rule }) }
    }
    case 'tunnel:closed': {
      const { direction, peerId, service, rule, layer, code, bytesIn, bytesOut, durationMs } = event
      if (direction === 'outbound') return undefined
      return {
        kind: 'close',
        ...who(peerId, nameOf),
        service,
        ...optional({ rule, layer, code }),
        bytesIn,
        bytesOut,
        durationMs
      }
    }
    case 'tunnel:refused': {
      const { peerId, service, rule, layer, code, durationMs } = event
      // An open that no rule forbade failed for another reason, such as a service that is not there.
      const kind = rule === undefined ? 'refuse' : 'deny'
      return {
        kind,
        ...who(peerId, nameOf),
        ...optional({ service, rule, layer }),
        code,
        bytesIn: 0,
        bytesOut: 0,
        durationMs
      }
    }
    default:
      return undefined
  }
}

/** Who came and who went. */
export const entryOfAdmission = (
  change: AdmissionChange,
  peerId: string,
  nameOf: (peerId: string) => string
): AuditEvent => ({
  kind: change === 'gone' ? 'gone' : 'admit',
  ...who(peerId, nameOf),
  ...(change === 'replaced' ? { text: 'its process was started again' } : {})
})

const who = (peerId: string, nameOf: (peerId: string) => string): { peer: string; name?: string } => {
  const name = nameOf(peerId)
  return { peer: peerId, ...(name === '' ? {} : { name }) }
}

const optional = <K extends string>(fields: Record<K, string | undefined>): Partial<Record<K, string>> => {
  const given: Partial<Record<K, string>> = {}
  for (const key in fields) if (fields[key] !== undefined) given[key] = fields[key]
  return given
}
