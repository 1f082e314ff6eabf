import { circuitMeter, pathClassOf } from '@agent-mesh/control-plane'
import { MeshError } from '@agent-mesh/wire'
import { failed, ok, skipped, type WhyLayer } from '../layer.ts'

/** How bytes get there, and how long they take. */
export const path: WhyLayer = {
  name: 'path',
  order: 800,
  check: async ({ ports, peer, name, connection }, { signal }) => {
    if (peer === undefined || connection === undefined) return skipped('no connection')
    try {
      const rttMs = await ports.ping.ping(peer, { signal })
      const meter = circuitMeter(connection)
      const through = meter === undefined ? '' : ` through the ${meter.toString()}, ${meter.useText()} used`
      return ok(`${pathClassOf(connection)}${through}, ${rttMs.toFixed(1)} ms there and back`, {
        path: pathClassOf(connection),
        rttMs,
        ...(meter === undefined ? {} : { carrier: meter.carrier, usedBytes: meter.usedBytes })
      })
    } catch (cause) {
      return failed(new MeshError('CONNECTION_LOST', `${name} is connected but does not answer a ping.`, { cause }))
    }
  }
}
