import type { DataPlaneEvent } from '@agent-mesh/data-plane'
import type { AdmissionService } from '@agent-mesh/control-plane'
import type { Status } from '@agent-mesh/wire/api'
import type { PeerId } from '@libp2p/interface'
import { AuditFile } from '../audit/audit-file.ts'
import { AuditLog } from '../audit/audit-log.ts'
import { entryOfAdmission, entryOfTunnel } from '../audit/audit-trail.ts'
import { auditFolder } from '../audit/reader.ts'
import type { AuditEvent } from '../audit/entry.ts'
import type { Config } from '../config/schema.ts'
import { peerIdOf } from './peer-ids.ts'
import type { EventBus } from './event-bus.ts'

export interface AuditInit {
  stateDir: string
  config: Config['audit']
  self: PeerId
  admission: Pick<AdmissionService, 'membership' | 'onChange' | 'onRefused'>
  events: EventBus
}

/** The audit of one node: who was let in, who opened what by which rule, who was denied, and how it ended. */
export class Audit {
  readonly #init: AuditInit
  readonly #log: AuditLog | undefined
  #listeners: Array<() => void> = []

  constructor(init: AuditInit) {
    this.#init = init
    const { stateDir, config, self, events } = init
    if (!config.enabled) return
    this.#log = new AuditLog({
      file: new AuditFile({ folder: auditFolder(stateDir), maxBytes: config.max_size, keep: config.keep }),
      node: self.toString(),
      onFault: (message) => events.emit('error', 'audit:failed', { message }),
      onMended: ({ lost }) => events.emit('info', 'audit:mended', { lost })
    })
  }

  /** For what happens elsewhere: a revocation, a change of the policy. */
  record(event: AuditEvent): void {
    this.#log?.record(event)
  }

  onTunnel(event: DataPlaneEvent): void {
    const entry = entryOfTunnel(event, this.#nameOf)
    if (entry !== undefined) this.record(entry)
  }

  start(): void {
    const { admission } = this.#init
    this.#listeners = [
      admission.onChange((change, peer) => this.record(entryOfAdmission(change, peer.toString(), this.#nameOf))),
      admission.onRefused((peer, { code }) => {
        // The end of a connection before its hello is not a decision of anybody.
        if (code !== 'CONNECTION_LOST' && code !== 'SHUTTING_DOWN')
          this.record({ kind: 'refuse', peer: peer.toString(), code })
      })
    ]
  }

  /** To be called when the last tunnel has ended. */
  async close(): Promise<void> {
    for (const stop of this.#listeners.splice(0)) stop()
    await this.#log?.close()
  }

  get warnings(): Status['warnings'] {
    const { fault, waiting, lost } = this.#log?.state ?? {}
    if (fault === undefined && (lost ?? 0) === 0) return []
    const why = fault === undefined ? '' : `: ${fault}`
    return [
      {
        code: 'STATE_UNREADABLE',
        message: `The audit log ${fault === undefined ? 'has gaps' : 'cannot be written'}${why}; ${waiting ?? 0} entries wait, ${lost ?? 0} are lost.`,
        hint: `Check the free space, the owner and the mode of ${auditFolder(this.#init.stateDir)}; it is tried again by itself.`
      }
    ]
  }

  readonly #nameOf = (peerId: string): string => this.#init.admission.membership(peerIdOf(peerId))?.name ?? ''
}
