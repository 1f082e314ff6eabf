/** Short text that names a network in protocol ids, topics and DHT keys: base32 of a hash of its root key. */
export type NetworkId = string

const member = (network: NetworkId, name: string): string => `/agent-mesh/${network}/${name}/1.0.0`

/** Protocol ids of one network. A node of another network cannot negotiate any of them. */
export const protocols = (network: NetworkId) => ({
  hello: member(network, 'hello'),
  join: member(network, 'join'),
  tunnel: member(network, 'tunnel'),
  kad: member(network, 'kad'),
  card: member(network, 'card'),
  sync: member(network, 'sync'),
  renew: member(network, 'renew'),
  health: member(network, 'health'),
  webrtc: member(network, 'webrtc'),
  punch: member(network, 'punch'),
  observed: member(network, 'observed'),
  echo: member(network, 'echo'),
  underlay: member(network, 'underlay'),
  /** libp2p appends its own version to these. */
  prefix: `agent-mesh/${network}`
})

/** Gossip topic on which agents announce their signed records. */
export const recordsTopic = (network: NetworkId): string => member(network, 'records')

/** Gossip topic on which members say what they hold of replicated documents. */
export const syncTopic = (network: NetworkId): string => member(network, 'sync')

/** Gossip topic on which members say who lives, and how well. */
export const healthTopic = (network: NetworkId): string => member(network, 'health')

export type Protocols = ReturnType<typeof protocols>

/** Text whose SHA-256 is the provider key of a capability. */
export const capabilityKey = (network: NetworkId, path: string): string => `/agent-mesh/${network}/capability/${path}`

/** Text whose SHA-256 is the provider key of a member name. */
export const nameKey = (network: NetworkId, name: string): string => `/agent-mesh/${network}/name/${name}`

/** DHT key of a signed agent record; `agent` selects the validator. */
export const recordKey = (network: NetworkId, peerId: string): string => `/agent/${network}/${peerId}`

/** Domain strings of libp2p signed envelopes (RFC 0002), one per kind of document. */
export const envelopeKinds = {
  certificate: { domain: 'agent-mesh-certificate', codec: Uint8Array.of(0x80, 0x94, 0xeb, 0x01) },
  record: { domain: 'agent-mesh-record', codec: Uint8Array.of(0x81, 0x94, 0xeb, 0x01) },
  joinPlea: { domain: 'agent-mesh-join', codec: Uint8Array.of(0x82, 0x94, 0xeb, 0x01) },
  policy: { domain: 'agent-mesh-policy', codec: Uint8Array.of(0x83, 0x94, 0xeb, 0x01) },
  revocation: { domain: 'agent-mesh-revocation', codec: Uint8Array.of(0x84, 0x94, 0xeb, 0x01) },
  succession: { domain: 'agent-mesh-succession', codec: Uint8Array.of(0x85, 0x94, 0xeb, 0x01) },
  certificateRequest: { domain: 'agent-mesh-certificate-request', codec: Uint8Array.of(0x86, 0x94, 0xeb, 0x01) },
  digest: { domain: 'agent-mesh-digest', codec: Uint8Array.of(0x87, 0x94, 0xeb, 0x01) }
} as const

export type EnvelopeKind = keyof typeof envelopeKinds
