import { TopicValidatorResult } from '@libp2p/gossipsub'
import { MeshError, limits, recordsTopic, type NetworkId } from '@agent-mesh/wire'
import { contentOf } from './record-rules.ts'
import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { RecordBook } from './record-book.ts'

export interface RecordGossip {
  start: () => void
  stop: () => void
  /**
   * Tells the members that are connected what this node's record says at this moment, tombstones included; where it says
   * what it said before, perhaps not.
   */
  announce: () => void
}

export interface RecordGossipInit {
  pubsub: Pick<GossipSub, 'subscribe' | 'unsubscribe' | 'publish' | 'topicValidators'>
  book: Pick<RecordBook, 'accept' | 'get' | 'room'>
  networkId: NetworkId
  self: PeerId
  /** At least 0, below 1. */
  random?: () => number
}

/**
 * With more members than this, only some refreshes are gossiped, so that each node passes on as many bytes in a large
 * mesh as in a small one: every 10 s one, mesh-wide. Replication and the DHT bring the others.
 */
const refreshingMembers = 20

/**
 * Accelerates discovery: signed records travel by gossip into the bounded book of every member, so that an agent is
 * found, and one that left is dropped, before the DHT is asked. The DHT stays authoritative.
 */
export const createRecordGossip = ({
  pubsub,
  book,
  networkId,
  self,
  random = Math.random
}: RecordGossipInit): RecordGossip => {
  const topic = recordsTopic(networkId)
  /** What this node said last, as a hash. */
  let said: string | undefined

  // What does not verify is not passed on, and counts against the neighbour that sent it; an old record is only old.
  const validate = async (data: Uint8Array): Promise<TopicValidatorResult> => {
    if (data.length > limits.recordBytes) return TopicValidatorResult.Reject
    try {
      await book.accept(data)
      return TopicValidatorResult.Accept
    } catch (err) {
      // a neighbour may not know of a revocation yet
      return err instanceof MeshError && ['RECORD_STALE', 'RECORD_EXPIRED', 'REVOKED'].includes(err.code)
        ? TopicValidatorResult.Ignore
        : TopicValidatorResult.Reject
    }
  }

  return {
    start: () => {
      pubsub.topicValidators.set(topic, async (_, message) => validate(message.data))
      pubsub.subscribe(topic)
    },
    stop: () => {
      pubsub.unsubscribe(topic)
      pubsub.topicValidators.delete(topic)
    },
    announce: () => {
      const own = book.get(self)
      if (own === undefined) return
      const content = contentOf(own)
      if (content === said && random() * book.room.held >= refreshingMembers) return
      said = content
      pubsub.publish(topic, own.bytes).catch(() => {}) // nobody listens yet: the DHT has it
    }
  }
}
