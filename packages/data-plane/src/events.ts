import type { ErrorCode } from '@agent-mesh/wire'
import type { End, Why } from './gateway/http/failover/course.ts'
import type { PathClass } from './interfaces.ts'

export type TunnelDirection = 'inbound' | 'outbound'

interface TunnelFields {
  id: number
  peerId: string
  service: string
  direction: TunnelDirection
  path?: PathClass
}

/** What became of a request that was not answered at the first try. */
export type ExchangeEvent =
  /** It was sent again: `repeat` to another agent, `open` to the next one after none was reached, `stale` to the same one. */
  | { event: 'proxy:repeated'; target: string; why: Exclude<Why, 'hedge'>; peerId?: string; code: string }
  /** It could have been repeated, but for the bounds of that. */
  | { event: 'proxy:withheld'; target: string; why: End; peerId?: string; code: string }
  /** A second agent was asked beside a slow one. */
  | { event: 'proxy:hedged'; target: string; winner: 'first' | 'second' | 'none' }

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
  | (ExchangeEvent & { id: string; kind: 'socks' | 'http' | 'dns'; listen: string })
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
