import { limits, MeshError } from '@agent-mesh/wire'
import { certificateStage, type Membership } from '@agent-mesh/identity'
import { failed, ok, unknown, type Finding, type WhyContext, type WhyLayer } from '../layer.ts'

const time = (ms: number): string => new Date(ms).toISOString()

/** What is wrong with the times of a certificate, with the tolerance that hello has. */
const trouble = (whose: string, { notBeforeMs, notAfterMs }: Membership, nowMs: number): MeshError | undefined => {
  if (notAfterMs + limits.clockToleranceMs < nowMs)
    return new MeshError('CERTIFICATE_EXPIRED', `The certificate of ${whose} ended at ${time(notAfterMs)}.`)
  if (notBeforeMs - limits.clockToleranceMs > nowMs)
    return new MeshError('CERTIFICATE_NOT_YET_VALID', `The certificate of ${whose} begins at ${time(notBeforeMs)}.`)
  return undefined
}

/** What is said of one that holds, but not for long. */
const endingOf = (membership: Membership, nowMs: number, where: string): string => {
  const stage = certificateStage(membership, nowMs)
  if (stage !== 'urgent' && stage !== 'over') return ''
  const what = stage === 'over' ? 'it is past its end, and holds for minutes more' : 'it ends soon'
  return `; ${what}: ${membership.isEphemeral ? 'mesh-node join <new ticket>' : 'mesh-node cert renew'}, ${where}`
}

/** The newest that is known of the other agent: shown in a hello, or in its record. */
const newest = ({ ports, peer, record, direction }: WhyContext): Membership | undefined => {
  if (direction === 'self') return ports.own()
  const shown = peer === undefined ? undefined : ports.admission.membership(peer)
  const written = record?.membership
  if (shown === undefined || written === undefined) return shown ?? written
  return written.notAfterMs > shown.notAfterMs ? written : shown
}

/** Membership of both sides, at this moment. */
export const certificate: WhyLayer = {
  name: 'certificate',
  order: 300,
  check: (context): Finding => {
    const { ports, nowMs, name } = context
    const own = trouble('this node', ports.own(), nowMs)
    if (own !== undefined) return failed(own, { command: 'mesh-node join <new ticket>, on this node' })
    const membership = newest(context)
    if (membership === undefined) return unknown(`no certificate of ${name} was seen yet`)
    context.membership = membership
    context.name = membership.name
    const error = trouble(membership.name, membership, nowMs)
    if (error !== undefined) return failed(error, { command: 'mesh-node join <new ticket>, on the node of that agent' })
    const groups = membership.groups.length === 0 ? 'no groups' : `groups ${membership.groups.join(', ')}`
    const issuer = membership.isIssuedByRoot ? 'the root' : membership.issuer.toString()
    const ownEnd = context.direction === 'self' ? '' : endingOf(ports.own(), nowMs, 'on this node')
    const end = endingOf(membership, nowMs, `on the node of ${membership.name}`)
    return ok(`${membership.name}, ${groups}; until ${time(membership.notAfterMs)}, issued by ${issuer}${end}${ownEnd}`)
  }
}
