import { MeshError } from '@agent-mesh/wire'
import { callerOf, failed, ok, skipped, type WhyLayer } from '../layer.ts'

/** Layers of rules of a node that decides, by the layer of an explanation. */
const layerOfRule: Readonly<Record<string, string>> = {
  membership: 'certificate',
  revocation: 'revocation',
  policy: 'policy'
}

/** What the node that serves it decides: `serve --allow`, and whatever else its own rules say. */
export const allow: WhyLayer = {
  name: 'allow',
  order: 1_000,
  check: async (context, { signal }) => {
    const { ports, direction, name, service, text } = context
    if (service === undefined) return skipped('no service is named')
    if (direction === 'self') return skipped('nobody is named who calls: use --from')
    if (direction === 'inbound') {
      const caller = callerOf(context)
      const opinions = ports.authorizer.opinions(caller, service)
      const denied = opinions.find(({ opinion }) => opinion?.allowed === false)
      if (denied?.opinion?.allowed === false) {
        const { code, rule } = denied.opinion
        const blames = layerOfRule[denied.layer]
        return failed(new MeshError(code, `${name} may not open "${service}": ${rule}.`, { details: { rule } }), {
          command: `mesh-node serve ${service}=<address> --replace --allow ${name}`,
          ...(blames === undefined ? {} : { blames })
        })
      }
      return ok(opinions.findLast(({ opinion }) => opinion !== undefined)?.opinion?.rule ?? 'nothing forbids it')
    }
    const { error } = await context.probe(signal)
    if (error?.layer !== 'policy' && error?.layer !== 'admission') return ok(`${name} lets this node open it`)
    const { layer } = error.details
    const blames = typeof layer === 'string' ? layerOfRule[layer] : undefined
    return failed(error, {
      text: `${name} refuses: ${error.message}`,
      command: `mesh-node why ${text} --from ${ports.own().name}, on the node of ${name}`,
      ...(blames === undefined ? {} : { blames })
    })
  }
}
