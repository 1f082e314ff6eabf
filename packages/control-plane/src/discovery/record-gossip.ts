import { TopicValidatorResult } from '@libp2p/gossipsub'
import { MeshError, limits, recordsTopic, type NetworkId } from '@agent-mesh/wire'
import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { RecordBook } from './record-book.ts'

export interface RecordGossip {
  start: () => void
  stop: () => void
  /** Tells the members that are connected what this node's record says at this moment, tombstones included. */
  announce: () => void
}

export interface RecordGossipInit {
  pubsub: Pick<GossipSub, 'subscribe' | 'unsubscribe' | 'publish' | 'topicValidators'>
  book: Pick<RecordBook, 'accept' | 'get'>
  networkId: NetworkId
  self: PeerId
}

/**
 * Accelerates discovery: signed records travel by gossip into the bounded book of every member, so that an agent is
 * found, and one that left is dropped, before the DHT is asked. The DHT stays authoritative.
 */
export const createRecordGossip = ({ pubsub, book, networkId, self }: RecordGossipInit): RecordGossip => {
  const topic = recordsTopic(networkId)

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
      if (own !== undefined) pubsub.publish(topic, own.bytes).catch(() => {}) // nobody listens yet: the DHT has it
    }
  }
}
