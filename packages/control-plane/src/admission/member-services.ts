import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { protocols, type NetworkId } from '@agent-mesh/wire'
import { pingDefaults } from '../discovery/dht.ts'
import { memberOnly } from './member-only.ts'

/**
 * libp2p's basic services, for members only and under ids that carry the network. Identify runs on admission instead
 * of on connection. The connection monitor of the host has to ping by the same prefix, `protocols(…).prefix`.
 */
export const memberServices = (networkId: NetworkId) => {
  const protocolPrefix = protocols(networkId).prefix
  return {
    identify: memberOnly(identify({ protocolPrefix, runOnConnectionOpen: false }), 'registrar'),
    identifyPush: memberOnly(identifyPush({ protocolPrefix }), 'connections'),
    ping: memberOnly(ping({ protocolPrefix, ...pingDefaults }), 'registrar')
  }
}
