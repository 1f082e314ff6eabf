import { withAncestors } from '@agent-mesh/wire'
import type { Vocabulary } from '@agent-mesh/wire/api'
import type { Admission, RecordBook } from '@agent-mesh/control-plane'
import type { Membership } from '@agent-mesh/identity'
import { directoryOf } from './directory.ts'
import type { Doors } from './doors.ts'
import type { Offers } from './offers.ts'

export interface VocabularyParts {
  book: Pick<RecordBook, 'all'>
  admission: Pick<Admission, 'members' | 'membership'>
  /** Of this node. */
  own: Membership
  offers: Pick<Offers, 'capabilities' | 'services'>
  doors: Pick<Doors, 'list'>
}

const unique = (words: string[]): string[] => [...new Set(words)].toSorted()

/** From what is at hand, so that a shell that asks at each key need not wait. */
export const vocabularyOf = ({ book, admission, own, offers, doors }: VocabularyParts): Vocabulary => {
  const { members } = directoryOf(own, admission, book)
  const self = own.peerId.toString()
  const records = book.all().filter(({ isWithdrawn }) => !isWithdrawn)
  const capabilities = [
    ...records.flatMap((record) => record.capabilities),
    ...offers.capabilities().map(({ capability }) => capability)
  ]
  const others = records.filter(({ peerId }) => peerId.toString() !== self)
  return {
    members: members
      .filter(({ peerId }) => peerId !== self)
      .map(({ peerId, name }) => ({ peerId, name }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    groups: unique(members.flatMap(({ groups }) => groups)),
    capabilities: unique(capabilities.flatMap(withAncestors)),
    services: offers.services().map(({ name }) => name),
    targets: unique(
      others.flatMap(({ membership, services }) => services.map(({ name }) => `${membership.name}/${name}`))
    ),
    forwards: doors.list().map(({ listen }) => listen)
  }
}
