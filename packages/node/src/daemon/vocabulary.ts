import { withAncestors } from '@agent-mesh/wire'
import type { Vocabulary } from '@agent-mesh/wire/api'
import type { RecordBook } from '@agent-mesh/control-plane'
import { directoryOf } from './directory.ts'
import type { Doors } from './doors.ts'
import type { Offers } from './offers.ts'

export interface VocabularyParts {
  book: Pick<RecordBook, 'all'>
  directory: ReturnType<typeof directoryOf>
  /** Peer id of this node. */
  self: string
  offers: Pick<Offers, 'capabilities' | 'services'>
  doors: Pick<Doors, 'list'>
}

const unique = (words: string[]): string[] => [...new Set(words)].toSorted()

/** From what is at hand, so that a shell that asks at each key need not wait. */
export const vocabularyOf = ({ book, directory, self, offers, doors }: VocabularyParts): Vocabulary => {
  const records = book.all().filter(({ isWithdrawn }) => !isWithdrawn)
  const capabilities = [
    ...records.flatMap((record) => record.capabilities),
    ...offers.capabilities().map(({ capability }) => capability)
  ]
  const others = records.filter(({ peerId }) => peerId.toString() !== self)
  return {
    members: directory.members
      .filter(({ peerId }) => peerId !== self)
      .map(({ peerId, name }) => ({ peerId, name }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    groups: unique(directory.members.flatMap(({ groups }) => groups)),
    capabilities: unique(capabilities.flatMap(withAncestors)),
    services: offers.services().map(({ name }) => name),
    targets: unique(
      others.flatMap(({ membership, services }) => services.map(({ name }) => `${membership.name}/${name}`))
    ),
    forwards: doors.list().map(({ listen }) => listen)
  }
}
