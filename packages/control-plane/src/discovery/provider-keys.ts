import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { capabilityKey, limits, MeshError, nameKey, withAncestors, type NetworkId } from '@agent-mesh/wire'

const toCid = (text: string): CID =>
  CID.createV1(raw.code, Digest.create(sha256.code, createHash('sha256').update(text).digest()))

/** The key under which the DHT lists the agents of a capability or of one of its descendants. */
export const capabilityCid = (networkId: NetworkId, path: string): CID => toCid(capabilityKey(networkId, path))

/** The key under which the DHT lists who has a name. */
export const nameCid = (networkId: NetworkId, name: string): CID => toCid(nameKey(networkId, name))

/** Each capability and each of its ancestors, once. */
export const withAllAncestors = (capabilities: Iterable<string>): Set<string> =>
  new Set([...capabilities].flatMap(withAncestors))

/** How many provider keys an agent needs: its name, its capabilities and their ancestors. */
export const countProviderKeys = (capabilities: Iterable<string>): number => 1 + withAllAncestors(capabilities).size

/**
 * All provider keys of an agent, each once.
 * @throws MeshError LIMIT_EXCEEDED beyond limits.providerKeysPerNode
 */
export const providerCids = (networkId: NetworkId, name: string, capabilities: Iterable<string>): CID[] => {
  const paths = withAllAncestors(capabilities)
  if (1 + paths.size > limits.providerKeysPerNode) {
    throw new MeshError(
      'LIMIT_EXCEEDED',
      `The name, the capabilities and their ancestors make ${1 + paths.size} keys; a node may publish ${limits.providerKeysPerNode}.`
    )
  }
  return [nameCid(networkId, name), ...[...paths].map((path) => capabilityCid(networkId, path))]
}
