import { capabilityMatches, type Target } from '@agent-mesh/wire'
import { serviceKind } from '@agent-mesh/wire/api'
import type { Admission, RecordBook, VerifiedRecord } from '@agent-mesh/control-plane'
import type { ServiceKind } from '@agent-mesh/data-plane'
import type { Membership, PolicyDirectory } from '@agent-mesh/identity'

/** From the records at hand alone: it is asked for every forward that is shown. */
export const kindOf = (book: RecordBook, target: Target): ServiceKind | undefined => {
  const services = book
    .all()
    .filter((record) => isMeant(record, target))
    .flatMap((record) => record.services)
  const found = services.find(({ name, capabilities }) =>
    target.kind === 'capability'
      ? capabilities.some((offered) => capabilityMatches(offered, target.capability))
      : name === target.service
  )
  return serviceKind.safeParse(found?.kind).data
}

const isMeant = ({ peerId, membership }: VerifiedRecord, target: Target): boolean =>
  target.kind === 'capability' ||
  (target.kind === 'peer' ? peerId.toString() === target.peerId : membership.name === target.name)

/** Certificates that this node has verified: of members that are here, then those in records; some twice. */
export const knownMemberships = (
  admission: Pick<Admission, 'members' | 'membership'>,
  book: Pick<RecordBook, 'all'>
): Membership[] => [
  ...admission.members().flatMap((peer) => admission.membership(peer) ?? []),
  ...book.all().map(({ membership }) => membership)
]

/** Everybody whom this node knows by a certificate that it has verified. */
export const directoryOf = (
  own: Membership,
  admission: Pick<Admission, 'members' | 'membership'>,
  book: Pick<RecordBook, 'all'>
): PolicyDirectory => {
  const known = [own, ...knownMemberships(admission, book)]
  const members = new Map(
    known.map(({ peerId, name, groups }) => [peerId.toString(), { peerId: peerId.toString(), name, groups }])
  )
  return { members: [...members.values()] }
}
