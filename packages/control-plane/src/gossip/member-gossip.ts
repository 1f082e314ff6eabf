import { gossipsub, type GossipSub, type GossipSubComponents, type GossipsubOpts } from '@libp2p/gossipsub'
import { memberOnly } from '../admission/member-only.ts'
import { overlay } from '../admission/overlay.ts'
import { gossipDefaults, gossipProtocol } from './gossip-defaults.ts'
import { registrarUnder, type OwnId } from './own-ids.ts'
import type { NetworkId } from '@agent-mesh/wire'

/** What gossipsub speaks: from this version on a member says that it does not want what it has already. */
const standard = '/meshsub/1.2.0'

export interface MemberGossipInit {
  networkId: NetworkId
  /** All topics that this node takes part in. */
  topics: Iterable<string>
  /** Beside {@link gossipDefaults}. */
  options?: Partial<GossipsubOpts>
}

/**
 * gossipsub among the members of one network, under an id that carries the network. gossipsub knows what a peer can do
 * by its own ids alone, so it goes on seeing those.
 */
export const memberGossip = ({
  networkId,
  topics,
  options = {}
}: MemberGossipInit): ((components: GossipSubComponents) => GossipSub) =>
  memberOnly((components: GossipSubComponents) => {
    const id: OwnId = { standard, own: gossipProtocol(networkId) }
    const registrar = registrarUnder(components.registrar, id)
    const service = gossipsub({ ...gossipDefaults(networkId, topics), ...options })(overlay(components, { registrar }))
    service.protocols = [id.standard]
    return service
  }, 'all')
