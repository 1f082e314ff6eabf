import type { PeerId } from '@libp2p/interface'
import { MeshError, toMeshError } from '@agent-mesh/wire'
import type { Resolver } from '@agent-mesh/control-plane'
import { parseLoopbackRange, type DnsBook, type DnsSettings } from '@agent-mesh/data-plane'
import type { Config } from '../config/schema.ts'

export interface DnsInit {
  config: Pick<Config, 'proxy'>
  resolver: Pick<Resolver, 'resolve'>
  self: PeerId
}

/** What the DNS responders of this node go by, and what they ask it. */
export const dnsOf = ({ config, resolver, self }: DnsInit): DnsSettings & Pick<DnsBook, 'answering'> => ({
  range: parseLoopbackRange(config.proxy.dns_range),
  extraPorts: config.proxy.dns_ports,
  salt: self.toString(),
  answering: async (capability, options) => {
    try {
      const candidates = await resolver.resolve({ kind: 'capability', capability }, options)
      return candidates.flatMap(({ record, service }) => record?.services.filter(({ name }) => name === service) ?? [])
    } catch (err) {
      const error = toMeshError(err)
      // Agents that cannot be used now may be so in a moment: the name is one.
      if (error.code === 'NOT_FOUND' && error.details['agents'] !== undefined)
        throw new MeshError('UNREACHABLE', error.message, { hint: error.hint, cause: error })
      throw error
    }
  }
})
