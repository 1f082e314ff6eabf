import { MeshError } from '@agent-mesh/wire'
import { failed, ok, skipped, unknown, type WhyLayer } from '../layer.ts'

/** What is known of the other agent before it is tried. */
export const health: WhyLayer = {
  name: 'health',
  order: 600,
  check: ({ ports, peer, name, direction, nowMs }) => {
    if (peer === undefined || direction === 'self') return skipped('this node itself')
    const watched = ports.health?.(peer)
    if (watched !== undefined) {
      const { isUsable, text } = watched
      if (isUsable === undefined) return unknown(text)
      return isUsable ? ok(text) : failed(new MeshError('UNREACHABLE', `${name} is not well: ${text}.`))
    }
    const { failure } = ports.paths.get(peer)
    if (failure !== undefined)
      return unknown(`the last attempt failed ${Math.round((nowMs - failure.atMs) / 1_000)} s ago with ${failure.code}`)
    return ports.admission.has(peer) ? ok('connected') : unknown('not connected, and nobody watches it')
  }
}
