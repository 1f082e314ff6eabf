import { MeshError } from '@agent-mesh/wire'
import type { Subject } from '../../config/allow-list.ts'
import { callerOf, failed, ok, skipped, type WhyContext, type WhyLayer } from '../layer.ts'

const own = ({ ports }: WhyContext): Subject => {
  const { name, groups } = ports.own()
  return { peerId: ports.self.toString(), name, groups }
}

const capabilitiesOf = ({ ports, direction, record, service }: WhyContext): string[] =>
  (direction === 'outbound' ? record?.services : ports.offers.services())?.find((one) => one.name === service)
    ?.capabilities ?? []

/** What the policy that this node holds says of the two. The receiving node decides, by the one that it holds. */
export const policy: WhyLayer = {
  name: 'policy',
  order: 500,
  check: (context) => {
    const { ports, service, direction } = context
    if (direction === 'self') return skipped('nobody is named who calls: use --from')
    if (service === undefined) return skipped('no service is named')
    const other = callerOf(context)
    const [caller, callee] = direction === 'outbound' ? [own(context), other] : [other, own(context)]
    const decision = ports.policy?.(caller, callee, service, capabilitiesOf(context))
    if (decision === undefined) return skipped('no policy: members may use what a node serves')
    const { allowed, rule, line } = decision
    const text = line === undefined ? rule : `${rule} (mesh-node policy show, line ${line})`
    const details = { rule, ...(line === undefined ? {} : { line }) }
    if (allowed) return ok(text, details)
    return failed(
      new MeshError('DENIED', `The policy does not let ${caller.name} open "${service}" of ${callee.name}: ${text}.`, {
        details
      }),
      { command: 'mesh-node policy show; an admin adds a grant and runs mesh-node policy push' }
    )
  }
}
