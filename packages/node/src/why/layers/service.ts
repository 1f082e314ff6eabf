import { MeshError } from '@agent-mesh/wire'
import { failed, ok, skipped, unknown, type WhyLayer } from '../layer.ts'

/** Whether the agent offers it at all. */
export const service: WhyLayer = {
  name: 'service',
  order: 900,
  check: async (context, { signal }) => {
    const { ports, direction, record, name, service: wanted } = context
    if (wanted === undefined) return skipped('no service is named')
    if (direction !== 'outbound') {
      const found = ports.offers.services().find((one) => one.name === wanted)
      return found === undefined
        ? failed(new MeshError('SERVICE_UNKNOWN', `This node serves no "${wanted}".`), {
            command: `mesh-node serve ${wanted}=http://127.0.0.1:8000`
          })
        : ok(`${wanted} is ${found.address}`)
    }
    const { error } = await context.probe(signal)
    if (error?.code === 'SERVICE_UNKNOWN')
      return failed(error, {
        text: `${name} offers no service "${wanted}".`,
        command: `mesh-node find ${name}, for those that it offers; mesh-node serve ${wanted}=…, on its node`
      })
    if (record?.services.some((one) => one.name === wanted) === true) return ok(`${wanted} is in the record of ${name}`)
    return error === undefined
      ? ok(`${wanted} is not in its record, but ${name} answers for it`)
      : unknown('it is in no record at hand')
  }
}
