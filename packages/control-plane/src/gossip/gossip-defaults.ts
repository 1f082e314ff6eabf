import { createHash } from 'node:crypto'
import { healthTopic, limits, protocols, syncTopic, type NetworkId } from '@agent-mesh/wire'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import type { TopicScoreParams } from '@libp2p/gossipsub/score'

/** Bytes of one message beside its payload: author, signature, topic. */
const messageOverheadBytes = 1024

/** Nobody is scored for how much it says: whether anything changes is not up to a neighbour. */
const rejectionsOnly: TopicScoreParams = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 1,
  meshMessageDeliveriesActivation: 1_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  // the square of their number, which is down to a tenth after 22 s: five at once pass the threshold of -80, from
  // which on nothing of that neighbour is read
  invalidMessageDeliveriesWeight: -4,
  invalidMessageDeliveriesDecay: 0.9
}

/** Protocol id of gossip in one network. */
export const gossipProtocol = (networkId: NetworkId): string => `/${protocols(networkId).prefix}/meshsub/1.2.0`

/**
 * How gossipsub is set up in the mesh: bounded, without floodsub, and fit for many members behind one address.
 * @param topics - all that there are: without a list a peer may name as many as it likes
 */
export const gossipDefaults = (networkId: NetworkId, topics: Iterable<string>): Partial<GossipsubOpts> => ({
  allowedTopics: new Set(topics),
  // every neighbour in the mesh of a topic sends most messages once more; whoever has as many as it may have of them
  // turns newcomers away, so the upper bound stays where it was
  D: 4,
  Dlo: 3,
  Dscore: 3,
  Dout: 1,
  // the same for what a node says it has: by default a quarter of all neighbours outside the mesh hear it each second,
  // here three up to 150 of them, so that a node says as much among a hundred members as among twenty
  Dlazy: 3,
  gossipFactor: 0.02,
  // a peer that speaks floodsub alone would get every message and could not be scored
  fallbackToFloodsub: false,
  // by default 14 members behind one NAT or relay are enough for their messages to be dropped
  // without a row of its own a topic is not scored at all, whatever its validator rejects
  scoreParams: {
    IPColocationFactorWeight: 0,
    topics: { [syncTopic(networkId)]: rejectionsOnly, [healthTopic(networkId)]: rejectionsOnly }
  },
  // the same message comes from many neighbours: it is known by its signature before that is verified once more
  fastMsgIdFn: ({ signature }) => Buffer.from(signature ?? []).toString('base64'),
  // named by the hash of that, which is a third of author and number: names are told again and again
  msgIdFn: (message) =>
    createHash('sha256')
      .update(message.type === 'signed' ? message.signature : message.data)
      .digest()
      .subarray(0, 16),
  // peer exchange dials whom a peer names; finding members is the work of the DHT
  doPX: false,
  allowPublishToZeroTopicPeers: true,
  // a digest has about 800 bytes, a message's name fifty
  idontwantMinDataSize: 256,
  // several messages may travel in one RPC
  maxInboundDataLength: 16 * (limits.gossipMessageBytes + messageOverheadBytes),
  maxOutboundBufferSize: 256 * limits.gossipMessageBytes,
  maxTopicBytesPerPeer: 64 * 1024,
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  decodeRpcLimits: {
    maxSubscriptions: 64,
    maxMessages: 64,
    maxControlMessages: 64,
    maxIhaveMessageIDs: 512,
    maxIwantMessageIDs: 512,
    maxIdontwantMessageIDs: 512,
    maxPeerInfos: 0
  }
})
