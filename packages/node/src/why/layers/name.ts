import { parsePeerId, type RouteCandidate } from '@agent-mesh/control-plane'
import { MeshError, parseTarget, toMeshError, type Target } from '@agent-mesh/wire'
import { failed, ok, type WhyContext, type WhyLayer } from '../layer.ts'

type Resolved = Pick<RouteCandidate, 'peerId' | 'name' | 'service'>

const resolve = async (
  { ports }: WhyContext,
  target: Target,
  options: { signal: AbortSignal }
): Promise<Resolved | undefined> => {
  if (target.kind === 'peer') {
    const peerId = parsePeerId(target.peerId)
    return { peerId, ...(target.service === undefined ? {} : { service: target.service }) }
  }
  const own = ports.own().name
  if (target.kind === 'name' && target.name === own)
    return { peerId: ports.self, name: own, ...(target.service === undefined ? {} : { service: target.service }) }
  try {
    return (await ports.resolver.resolve(target, options))[0]
  } catch (err) {
    const { code } = toMeshError(err)
    const former = code === 'NAME_UNKNOWN' && target.kind === 'name' ? formerHolder(ports, target.name) : undefined
    if (former === undefined) throw err
    return { ...former, ...(target.kind === 'name' && target.service !== undefined ? { service: target.service } : {}) }
  }
}

/** A name of somebody who was put out, or whose certificate has ended, is nobody's: the layers behind say which of both. */
const formerHolder = (
  { admission }: WhyContext['ports'],
  name: string
): Pick<Resolved, 'peerId' | 'name'> | undefined => {
  const [first, ...others] = admission.remembered().filter((one) => one.name === name)
  return first === undefined || others.length > 0 ? undefined : { peerId: first.peerId, name }
}

/** Who is meant. */
export const name: WhyLayer = {
  name: 'name',
  order: 100,
  check: async (context, options) => {
    const { target, from, ports, text } = context
    const found = await resolve(context, target, options)
    if (found === undefined) return failed(new MeshError('NOT_FOUND', `Nobody offers ${text}.`))
    const isSelf = found.peerId.equals(ports.self)
    context.service = found.service
    if (from !== undefined && !isSelf) {
      return failed(new MeshError('USAGE', `${text} is not this node, so this node does not decide about ${from}.`), {
        command: `mesh-node why ${text} --from ${from}, on the node that serves it`
      })
    }
    const other = from === undefined ? found : await resolve(context, parseTarget(from), options)
    if (other === undefined) return failed(new MeshError('NAME_UNKNOWN', `No member named "${from ?? ''}" is known.`))
    context.direction = !isSelf ? 'outbound' : from === undefined ? 'self' : 'inbound'
    context.peer = other.peerId
    const known = other.name ?? ports.admission.membership(other.peerId)?.name
    context.name = known ?? other.peerId.toString()
    const who = known === undefined ? 'a peer id needs no name' : `${known} is ${other.peerId.toString()}`
    return ok(isSelf && from === undefined ? `${who}: this node itself` : who)
  }
}
