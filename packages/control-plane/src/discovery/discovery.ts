import { createFinder } from './finder.ts'
import { createLookup } from './lookup.ts'
import { createPublisher, type SequenceStore } from './publisher.ts'
import { createRepublisher, type PublicationEvents } from './republisher.ts'
import { createSuggest } from './suggest.ts'
import { createTableKeeper } from './table-keeper.ts'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import { capabilityMatches, type NetworkId } from '@agent-mesh/wire'
import type { Admission } from '../admission/interface.ts'
import type { AgentDht } from './dht.ts'
import type { Discovery, VerifiedRecord } from './interface.ts'
import type { RecordBook } from './record-book.ts'

export interface RunningDiscovery extends Discovery {
  /** The newest record of a peer that this node has at hand, without asking anybody. */
  known: (peer: PeerId) => VerifiedRecord | undefined
  /** Members of this name by the records that this node has at hand. */
  knownNamed: (name: string) => VerifiedRecord[]
  /** Agents that offer a capability by the records that this node has at hand. */
  knownOffering: (capability: string) => VerifiedRecord[]
  /** Drops what is known of a peer, so that the next question goes to its holders. */
  forget: (peer: PeerId) => void
  start: () => void
  /** Stops republishing. The record stays until its end; {@link Discovery.withdraw} takes it back. */
  stop: () => void
}

export interface DiscoveryInit extends PublicationEvents {
  dht: AgentDht
  /** The one that the DHT was made with. */
  book: RecordBook
  admission: Pick<Admission, 'connections' | 'members' | 'onChange'>
  networkId: NetworkId
  self: PeerId
  privateKey: PrivateKey
  /** Own certificate at this moment. */
  membership: () => Membership
  sequence: SequenceStore
  now?: () => number
  random?: () => number
  /** Default: a third of limits.recordTtlMs. */
  republishMs?: number
  /** How long a record that says what is looked for is used without asking its holders again. Default: 5 s. */
  confirmedMs?: number
}

/** Publishes and finds signed agent records over the DHT of one network. */
export const createDiscovery = ({
  dht,
  book,
  admission,
  networkId,
  self,
  privateKey,
  membership,
  sequence,
  now = Date.now,
  random = Math.random,
  republishMs,
  confirmedMs,
  onPublished,
  onPublishFailed
}: DiscoveryInit): RunningDiscovery => {
  const table = createTableKeeper({ dht, admission, self, random })
  const lookup = createLookup({ dht, book, networkId })
  const finder = createFinder({
    lookup,
    book,
    table,
    networkId,
    self,
    ...(confirmedMs === undefined ? {} : { confirmedMs })
  })
  const publisher = createPublisher({
    dht,
    book,
    lookup,
    networkId,
    self,
    privateKey,
    membership,
    table,
    sequence,
    now
  })
  const republisher = createRepublisher({
    publisher,
    table: dht.routingTable,
    random,
    ...(republishMs === undefined ? {} : { intervalMs: republishMs }),
    ...(onPublished === undefined ? {} : { onPublished }),
    ...(onPublishFailed === undefined ? {} : { onPublishFailed })
  })
  return {
    publish: async (description, options) => republisher.publish(description, options?.signal),
    withdraw: async (options) => republisher.withdraw(options?.signal),
    find: finder.find,
    findName: finder.findName,
    record: finder.record,
    suggest: createSuggest({ book, finder, members: () => admission.members() }),
    known: (peer) => book.get(peer),
    knownNamed: (name) => book.all().filter((record) => !record.isWithdrawn && record.membership.name === name),
    knownOffering: (capability) =>
      book
        .all()
        .filter(
          ({ isWithdrawn, capabilities }) =>
            !isWithdrawn && capabilities.some((one) => capabilityMatches(one, capability))
        ),
    forget: book.forget,
    start: () => {
      table.start()
      republisher.start()
    },
    stop: () => {
      republisher.stop()
      table.stop()
    }
  }
}
