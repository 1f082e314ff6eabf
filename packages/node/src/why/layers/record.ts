import { limits, MeshError } from '@agent-mesh/wire'
import { failed, ok, skipped, unknown, type WhyContext, type WhyLayer } from '../layer.ts'

const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1_000))} s`

/** Records of whoever was put out, or whose certificate has ended, are not kept: that they are missing says nothing. */
const countsNoMore = ({ ports, peer, nowMs }: WhyContext): boolean => {
  const membership = peer === undefined ? undefined : ports.admission.membership(peer)
  if (membership === undefined) return false
  const { name, groups, peerId, notAfterMs } = membership
  const isRevoked = ports.revocation?.({ peerId: peerId.toString(), name, groups }) !== undefined
  return isRevoked || notAfterMs + limits.clockToleranceMs < nowMs
}

/** What the agent says of itself, signed. */
export const record: WhyLayer = {
  name: 'record',
  order: 200,
  check: async (context, { signal }) => {
    const { ports, peer, name, direction, nowMs } = context
    if (peer === undefined || direction === 'self') return skipped('this node needs no record of itself')
    const [connection] = ports.admission.connections(peer)
    const known = ports.discovery.known(peer)
    // A connection says more than a record, and who calls needs none: then nobody is asked for it.
    const isNeeded = direction === 'outbound' && connection === undefined && !countsNoMore(context)
    const found = known ?? (isNeeded ? await ports.discovery.record(peer, { signal }) : undefined)
    if (found !== undefined && !found.isWithdrawn) {
      context.record = found
      context.name = found.membership.name
      const services = found.services.map((one) => one.name).join(', ') || 'none'
      return ok(
        `signed ${seconds(nowMs - found.issuedMs)} ago, good for ${seconds(found.expiresMs - nowMs)} more; ${found.addresses.length} addresses; services: ${services}`,
        { sequence: found.sequence, addresses: found.addresses.map((address) => address.toString()) }
      )
    }
    if (!isNeeded) {
      return unknown(
        countsNoMore(context)
          ? 'no record is kept: its certificate counts no more'
          : 'no record is at hand, and none is needed'
      )
    }
    if (found === undefined && ports.admission.members().length === 0)
      return unknown('no record is at hand, and no member is connected who may have one')
    return failed(
      new MeshError(
        'PEER_UNKNOWN',
        found === undefined
          ? `Nobody holds a record of ${name}: it is not running, or its record has ended.`
          : `${name} has left the network: it took its record back.`
      ),
      { command: 'mesh-node up, on the machine of that agent' }
    )
  }
}
