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
  | ({ event: 'tunnel:opened'; rule?: string } & TunnelFields)
  | ({
      event: 'tunnel:closed'
      bytesIn: number
      bytesOut: number
      durationMs: number
      /** What allowed it, or what cut it. */
      rule?: string
      /** Which layer of rules cut it. */
      layer?: string
      code?: ErrorCode
      message?: string
    } & TunnelFields)
  | {
      /** An inbound open that was not granted. `message` is for this node alone: the caller may be told less. */
      event: 'tunnel:refused'
      peerId: string
      service?: string
      code: ErrorCode
      message: string
      layer?: string
      rule?: string
      durationMs: number
    }
  /** What the program behind a tunnel says on its standard error: bounded, one line. */
  | { event: 'program:stderr'; service: string; peerId: string; pid: number; line: string }
  | { event: 'forward:listening'; id: string; listen: string; target: string }
  | { event: 'forward:failed'; id: string; listen: string; target: string; code: ErrorCode; message: string }
  | { event: 'forward:closed'; id: string; listen: string; target: string }
  | { event: 'proxy:listening' | 'proxy:closed'; id: string; kind: 'socks' | 'http' | 'dns'; listen: string }
  | {
      event: 'proxy:failed'
      id: string
      kind: 'socks' | 'http' | 'dns'
      listen: string
      /** As the client named it. */
      host: string
      code: ErrorCode
      message: string
    }

export type OnDataPlaneEvent = (event: DataPlaneEvent) => void
