import { MeshError } from '@agent-mesh/wire'
import { callerOf, failed, ok, skipped, type WhyLayer } from '../layer.ts'

/** Whether a certificate was taken back before its end. */
export const revocation: WhyLayer = {
  name: 'revocation',
  order: 400,
  check: (context) => {
    const { revocation: find } = context.ports
    if (find === undefined) return skipped('this node keeps no revocations')
    const { name, groups } = context.ports.own()
    const own = find({ peerId: context.ports.self.toString(), name, groups })
    if (own !== undefined)
      return failed(new MeshError('REVOKED', `The certificate of this node was revoked: ${own.rule}.`), {
        command: 'mesh-node join <new ticket>, on this node after mesh-node network leave'
      })
    const found = find(callerOf(context))
    return found === undefined
      ? ok('not revoked')
      : failed(new MeshError('REVOKED', `The certificate of ${context.name} was revoked: ${found.rule}.`))
  }
}
