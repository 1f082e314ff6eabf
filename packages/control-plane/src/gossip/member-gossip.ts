import { gossipsub, type GossipSub, type GossipSubComponents, type GossipsubOpts } from '@libp2p/gossipsub'
import { memberOnly } from '../admission/member-only.ts'
import { gossipDefaults, gossipProtocols } from './gossip-defaults.ts'
import type { NetworkId } from '@agent-mesh/wire'

export interface MemberGossipInit {
  networkId: NetworkId
  /** All topics that this node takes part in. */
  topics: Iterable<string>
  /** Beside {@link gossipDefaults}. */
  options?: Partial<GossipsubOpts>
}

/**
 * gossipsub among the members of one network, under ids that carry the network. gossipsub knows the features of a peer
 * by its own ids alone: under ours it leaves out IDONTWANT, and the pause in a PRUNE, for which both sides then take
 * the default.
 */
export const memberGossip = ({
  networkId,
  topics,
  options = {}
}: MemberGossipInit): ((components: GossipSubComponents) => GossipSub) =>
  memberOnly((components: GossipSubComponents) => {
    const service = gossipsub({ ...gossipDefaults(networkId, topics), ...options })(components)
    service.protocols = gossipProtocols(networkId)
    return service
  }, 'all')
