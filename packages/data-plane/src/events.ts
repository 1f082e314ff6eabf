import type { ErrorCode } from '@agent-mesh/wire'
import type { PathClass } from './interfaces.ts'

export type TunnelDirection = 'inbound' | 'outbound'

interface TunnelFields {
  id: number
  peerId: string
  service: string
  direction: TunnelDirection
  path?: PathClass
}

/** What happens in the data plane, for the log and the event stream. Never payload. Times in milliseconds, sizes in bytes. */
export type DataPlaneEvent =
  | ({ event: 'tunnel:opened' } & TunnelFields)
  | ({
      event: 'tunnel:closed'
      bytesIn: number
      bytesOut: number
      durationMs: number
      code?: ErrorCode
      message?: string
    } & TunnelFields)
  | { event: 'tunnel:refused'; peerId: string; service?: string; code: ErrorCode; message: string }
  | { event: 'forward:listening'; id: string; listen: string; target: string }
  | { event: 'forward:failed'; id: string; listen: string; target: string; code: ErrorCode; message: string }
  | { event: 'forward:closed'; id: string; listen: string; target: string }

export type OnDataPlaneEvent = (event: DataPlaneEvent) => void
