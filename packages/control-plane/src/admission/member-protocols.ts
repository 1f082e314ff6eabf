import { memberOnly } from './member-only.ts'
import type { StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

/** Protocols of the mesh itself, such as its tunnel. */
export interface MemberProtocols {
  /** Streams reach the handler once their connection is admitted; those that come earlier wait. */
  handle: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) => Promise<void>
  unhandle: (protocol: string) => Promise<void>
}

/**
 * A libp2p service to register protocols with, for members only. `handle` of the host itself is open to strangers: it
 * knows nothing of admission.
 */
export const memberProtocols = (): ((components: { registrar: Registrar }) => MemberProtocols) =>
  memberOnly(
    ({ registrar }: { registrar: Registrar }): MemberProtocols => ({
      handle: async (protocol, handler, options) => registrar.handle(protocol, handler, options),
      unhandle: async (protocol) => registrar.unhandle(protocol)
    }),
    'registrar'
  )
