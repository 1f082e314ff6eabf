import { pathClassOf, type Admission } from '@agent-mesh/control-plane'
import type { EventBus } from './event-bus.ts'

/** Tells the log and the event stream who comes and goes. @returns the way to stop */
export const announcePeers = (admission: Admission, events: EventBus): (() => void) =>
  admission.onChange((change, peer, connection) => {
    const name = admission.membership(peer)?.name ?? ''
    events.emit('info', change === 'gone' ? 'peer:left' : 'peer:joined', {
      peer: peer.toString(),
      name,
      path: pathClassOf(connection)
    })
  })
